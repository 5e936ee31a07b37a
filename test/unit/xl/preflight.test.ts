/** Which strategy it comes to, and what is refused, with scripts in the places of ssh and the other host. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { clear, type Plan } from '../../../src/libxl/xl/preflight.js';
import { quote } from '../../../src/libxl/xl/quote.js';
import type { XlDomain } from '../../../src/libxl/xl/toolstack.js';

const DOMAIN: XlDomain = {
  ...{ domid: 3, name: 'web', type: 'pvh', pciDevices: [] },
  ...{ hap: true, passthrough: false, targetKb: 262_144, maxKb: 262_144 },
};
const paging = (answer: string) => ({ findings: [{ id: 'paging', answer, found: 'so it is' }] });

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xenferry-preflight-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function file(path: string, text: string): string {
  mkdirSync(dirname(join(folder, path)), { recursive: true });
  writeFileSync(join(folder, path), text, { mode: 0o755 });
  return join(folder, path);
}

/** A dom0 with all that a receiver needs, whose doctor and whose sshd say so. */
function plan(change: Partial<Plan> = {}, there = 'yes', listens = true): Plan {
  const facts = ['xenferry-receiver', 'dom0=control_d', 'xen=4.17', 'xl=/usr/sbin/xl', 'node=v22.1.0', 'helper=yes'];
  const lines = [...facts, 'launcher=yes', `doctor=${JSON.stringify(paging(there))}`];
  const ssh = file('ssh', ['cat << END', ...lines, 'END'].join('\n'));
  const forward = listens ? 'echo Allocated port 5000 for remote forward to x >&2; sleep 1000' : 'exit 255';
  return {
    ...{ domain: 'web', strategy: 'auto', diagnose: async () => paging('yes') },
    receiver: { kind: 'ssh', sshCommand: `sh ${ssh}`, host: 'b' },
    returnSsh: `sh ${file('forward', forward)}`,
    helper: file('native/build/Release/xenferry-save-helper', ''),
    receiverHelper: '/h',
    ...change,
  };
}

test('where all is there, auto stays auto and tsmc is tsmc', async () => {
  expect(await clear(plan(), DOMAIN)).toEqual({ domain: DOMAIN, strategy: 'auto' });
  expect(await clear(plan({ strategy: 'tsmc' }), DOMAIN)).toEqual({ domain: DOMAIN, strategy: 'tsmc' });
});

const noPaging = async (): Promise<unknown> => paging('no');
const shadow = { ...DOMAIN, hap: false };

test.each<[string, () => Plan, XlDomain, string, RegExp]>([
  ['shadow page tables', () => plan(), shadow, 'NOT_SUPPORTED', /shadow/],
  ['no paging here', () => plan({ diagnose: noPaging }), DOMAIN, 'NOT_SUPPORTED', /^this host: no memory paging/],
  ['a stock receiver', () => plan({ receiverHelper: undefined }), DOMAIN, 'NOT_SUPPORTED', /--stock-receiver/],
  ['no launcher', () => plan({ helper: '/x/main.js' }), DOMAIN, 'NOT_SUPPORTED', /\/x\/main.js is not the launcher/],
  ['no paging there', () => plan({}, 'no'), DOMAIN, 'DESTINATION_REFUSED', /^b: no memory paging/],
  ['no way back', () => plan({}, 'yes', false), DOMAIN, 'DESTINATION_REFUSED', /way back/],
])('%s: tsmc is refused, and auto becomes precopy and says why', async (_, make, domain, code, problem) => {
  await expect(clear({ ...make(), strategy: 'tsmc' }, domain)).rejects.toMatchObject({
    ...{ code, message: expect.stringMatching(problem), remedy: expect.stringMatching(/./) },
  });
  expect(await clear(make(), domain)).toEqual({
    ...{ domain, strategy: 'precopy', reason: expect.stringMatching(problem) },
  });
});

test('precopy asks no doctor, neither here nor there, and no way back', async () => {
  const never = async (): Promise<never> => {
    throw new Error('asked');
  };
  const asked = plan({ strategy: 'precopy', diagnose: never }, 'no', false);
  expect(await clear(asked, shadow)).toEqual({ domain: shadow, strategy: 'precopy' });
});

test('a command of one’s own cannot be asked: auto takes precopy, tsmc takes the operator’s word', async () => {
  const receiver = { kind: 'command', command: 'nc b 99' } as const;
  const own = plan({ receiver, returnSsh: undefined });
  expect(await clear(own, DOMAIN)).toMatchObject({
    ...{ strategy: 'precopy', reason: expect.stringContaining('--receive-command') },
  });
  expect(await clear({ ...own, strategy: 'tsmc' }, DOMAIN)).toEqual({ domain: DOMAIN, strategy: 'tsmc' });
});

test('a receiver that cannot receive at all is refused whatever the strategy', async () => {
  const ssh = `sh -c ${quote('echo xenferry-receiver; echo dom0=')}`;
  const receiver = { kind: 'ssh', sshCommand: ssh, host: 'b' } as const;
  for (const strategy of ['auto', 'tsmc', 'precopy'] as const)
    await expect(clear(plan({ receiver, strategy }), DOMAIN)).rejects.toMatchObject({ code: 'DESTINATION_REFUSED' });
});
