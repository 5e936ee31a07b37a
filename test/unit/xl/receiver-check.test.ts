import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import {
  checkReceiver,
  parseReceiver,
  type ReceiverFacts,
  receiverScript,
  refusalOf,
} from '../../../src/libxl/xl/receiver-check.js';

const XEN = { major: 4, minor: 17 };
const PLAIN = { helper: '/h' };
const POSTCOPY = { helper: '/h', postcopy: true };
const STOCK = { helper: undefined };
const GOOD: ReceiverFacts = { dom0: true, xen: XEN, xl: true, node: true, helper: true };

test('its lines are read, after whatever a login says', () => {
  const text =
    'Welcome!\nxl=no\nxenferry-receiver\ndom0=control_d\nxen=4.17\nxl=/usr/sbin/xl\nnode=v20.17.0\nhelper=yes\n';
  expect(parseReceiver(text, PLAIN)).toEqual(GOOD);
});

test('what it does not know stays empty', () => {
  const text = 'xenferry-receiver\ndom0=\nxen=.\nxl=\nnode=\n';
  expect(parseReceiver(text, PLAIN)).toEqual({ dom0: false, xen: undefined, xl: false, node: false, helper: false });
  expect(parseReceiver('Permission denied\n', PLAIN)).toBeUndefined();
});

test('the script tells the truth of this machine', () => {
  const folder = mkdtempSync(join(tmpdir(), "it's a helper-"));
  try {
    const helper = join(folder, 'helper');
    const ask = (): ReceiverFacts | undefined =>
      parseReceiver(execFileSync('sh', ['-c', receiverScript({ helper })], { encoding: 'utf8' }), PLAIN);
    expect(ask()).toMatchObject({ node: true, helper: false });
    writeFileSync(helper, '#!/bin/sh\n');
    expect(ask()).toMatchObject({ helper: false });
    chmodSync(helper, 0o755);
    expect(ask()).toMatchObject({ helper: true });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('whether it can do post-copy', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "it's an install-"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const executable = (path: string, text: string): string => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text, { mode: 0o755 });
    return join(folder, path);
  };
  const doctor = (...lines: string[]): string => executable('dist/src/cli/main.js', lines.join('\n'));
  const launcher = (): string => executable('native/build/Release/xenferry-save-helper', '');
  const ask = (helper: string, postcopy = true): ReceiverFacts | undefined =>
    parseReceiver(execFileSync('sh', ['-c', receiverScript({ helper, postcopy })], { encoding: 'utf8' }), {
      helper,
      postcopy,
    });
  const SAYS = (answer: string): string =>
    `process.stdout.write(JSON.stringify({ argv: process.argv.slice(2), findings: [{ id: 'paging', answer: '${answer}', found: "a  b 'c' * \\\\n" }] }) + '\\n');`;

  test('the doctor of the helper’s own installation is asked, through a link too', () => {
    const helper = launcher();
    doctor(SAYS('yes'), 'process.exitCode = 14;');
    expect(ask(helper)).toMatchObject({ helper: true });
    expect(ask(helper)?.obstacle).toBeUndefined();
    symlinkSync(helper, join(folder, 'link'));
    expect(ask(join(folder, 'link'))?.obstacle).toBeUndefined();
  });

  test('what it has found is told word by word', () => {
    doctor(SAYS('no'));
    expect(ask(launcher())?.obstacle?.problem).toBe("no memory paging, which post-copy needs: a  b 'c' * \\n");
  });

  test('a helper that is not the launcher', () => {
    const program = executable('dist/src/libxl/save-helper/main.js', '');
    doctor(SAYS('yes'));
    expect(ask(program)?.obstacle).toMatchObject({
      problem: expect.stringContaining('not the launcher'),
      remedy: expect.stringContaining('native/build/Release/xenferry-save-helper'),
    });
  });

  test('a doctor that does not answer, or not in JSON', () => {
    const helper = launcher();
    expect(ask(helper)?.obstacle?.problem).toContain('did not answer');
    doctor('console.log("{oops");');
    expect(ask(helper)?.obstacle?.problem).toContain('did not answer');
  });

  test('is not asked where precopy is wanted: it takes its time', () => {
    doctor('require("node:fs").writeFileSync(__dirname + "/asked", "");');
    expect(ask(launcher(), false)).not.toHaveProperty('obstacle');
    expect(receiverScript(PLAIN)).not.toContain('doctor');
    expect(receiverScript({ helper: undefined, postcopy: true })).not.toContain('doctor');
  });

  test('the host is named', async () => {
    const facts = 'xenferry-receiver\\ndom0=control_d\\nxen=4.17\\nxl=/usr/sbin/xl\\nnode=v22.1.0\\nhelper=yes\\n';
    const receiver = { kind: 'ssh', sshCommand: `sh -c "printf '${facts}'"`, host: 'b' } as const;
    const { obstacle } = await checkReceiver(receiver, POSTCOPY, undefined, XEN);
    expect(obstacle?.problem).toMatch(/^b: \/h is not the launcher/);
  });
});

test.each<[string, Partial<ReceiverFacts>, RegExp]>([
  ['no Xen', { dom0: false }, /control domain/],
  ['no xl', { xl: false }, /xl is not/],
  ['no helper', { helper: false }, /no save helper at \/h/],
  ['no node', { node: false }, /Node.js 20 or later is not/],
])('%s: refused', (_, facts, problem) => {
  expect(refusalOf({ ...GOOD, ...facts }, '/h', XEN)?.problem).toMatch(problem);
});

test("libxl's own helper needs neither ours nor node", () => {
  expect(refusalOf({ ...GOOD, helper: false, node: false }, undefined, XEN)).toBeUndefined();
  expect(refusalOf(GOOD, '/h', XEN)).toBeUndefined();
});

test.each(['/h', undefined])('an older Xen is refused, whichever helper receives (%s)', (helper) => {
  const refusal = refusalOf({ ...GOOD, xen: { major: 4, minor: 9 } }, helper, XEN);
  expect(refusal?.problem).toContain('its Xen is 4.9, and this host’s is 4.17');
  expect(refusal?.remedy).toContain('update Xen');
});

test.each([
  ['a newer Xen', { major: 4, minor: 20 }, XEN],
  ['one of the next series', { major: 5, minor: 0 }, XEN],
  ['an unknown Xen there', undefined, XEN],
  ['an unknown Xen here', { major: 4, minor: 9 }, undefined],
])('%s is no reason to refuse', (_, there, here) => {
  expect(refusalOf({ ...GOOD, xen: there }, '/h', here)).toBeUndefined();
});

const reach = (sshCommand: string): Promise<ReceiverFacts> =>
  checkReceiver({ kind: 'ssh', sshCommand, host: 'b' }, STOCK);

test('a host that ssh cannot reach', async () => {
  await expect(reach('sh -c "echo Connection refused >&2; exit 255"')).rejects.toMatchObject({
    code: 'DESTINATION_UNREACHABLE',
    message: 'b cannot be reached: Connection refused',
    remedy: expect.stringContaining('without a prompt'),
  });
});

test('a host whose Xen is older than this one’s', async () => {
  const facts = 'xenferry-receiver\\ndom0=control_d\\nxen=4.17\\nxl=/usr/sbin/xl\\n';
  const receiver = { kind: 'ssh', sshCommand: `sh -c "printf '${facts}'"`, host: 'b' } as const;
  const check = (minor: number) => checkReceiver(receiver, STOCK, undefined, { major: 4, minor });
  await expect(check(18)).rejects.toMatchObject({
    code: 'DESTINATION_REFUSED',
    message: expect.stringMatching(/^b: its Xen is 4\.17, and this host’s is 4\.18/),
    remedy: expect.stringContaining('update Xen'),
  });
  expect((await check(17)).xen).toEqual(XEN);
});

test('a host that runs something else than a shell', async () => {
  await expect(reach('echo')).rejects.toMatchObject({
    code: 'DESTINATION_UNREACHABLE',
    remedy: expect.stringContaining('must run a shell'),
  });
});

test('a host that hangs is given up when the command is interrupted', async () => {
  const abort = new AbortController();
  const reason = new Error('Ctrl-C');
  setTimeout(() => abort.abort(reason), 50);
  const receiver = { kind: 'ssh', sshCommand: 'sleep 100;', host: 'b' } as const;
  await expect(checkReceiver(receiver, STOCK, abort.signal)).rejects.toBe(reason);
});
