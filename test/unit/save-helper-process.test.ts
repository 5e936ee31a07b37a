/** The helper as libxl starts it, on a machine without Xen: what needs no domain. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { HelperProcess } from '../support/libxl-peer.js';

const SAVE = ['--save-domain', '3', '-1', '7', '1', '136', '0'];
const RESTORE = ['--restore-domain', '3', '-1', '7', '1', '0', '2', '0', '768', '0'];
const noXen = existsSync('/proc/xen/capabilities') ? test.skip : test; // a dom0 has one

const types = ({ messages }: HelperProcess): number[] => messages.map(({ type }) => type).filter((type) => type !== 1);

noXen.each([
  ['save', SAVE, [10]],
  ['restore', RESTORE, [9, 10]],
])('a %s without Xen ends with the reason, by the protocol', async (side, argv, expected) => {
  await using helper = new HelperProcess(argv);
  expect(await helper.ended()).toBe(0);
  expect(types(helper)).toEqual(expected);
  expect(helper.of(10)[0].args).toEqual([-1, 95]);
  const errors = helper.logs.filter(({ level }) => level === 8).map(({ text }) => text);
  expect(errors[0]).toMatch(new RegExp(`^The ${side} of domain 7 failed \\(NOT_SUPPORTED\\): .*no Xen`));
  expect(errors[1]).toMatch(/^What to do: /);
  expect(helper.stderr).toBe('');
});

noXen.each([
  ['Remus', SAVE.with(6, '1')],
  ['COLO', RESTORE.with(9, '2')],
])('%s is refused', async (_name, argv) => {
  await using helper = new HelperProcess(argv);
  expect(await helper.ended()).toBe(0);
  expect(helper.of(10)[0].args).toEqual([-1, 95]);
});

test('a bad variable is named, with what it may be', async () => {
  await using helper = new HelperProcess(SAVE, undefined, { XENFERRY_BANDWIDTH: 'fast' });
  expect(await helper.ended()).toBe(0);
  expect(helper.of(10)[0].args).toEqual([-1, 22]);
  const [what, remedy] = helper.logs.filter(({ level }) => level === 8);
  expect(what.text).toContain('XENFERRY_BANDWIDTH is "fast"');
  expect(remedy.text).toContain('bytes a second');
});

test('it ends only when libxl has answered', async () => {
  let answer: (() => void) | undefined;
  await using helper = new HelperProcess(SAVE, () => undefined);
  await helper.until(10);
  const ended = helper.ended();
  const first = await Promise.race([
    ended,
    new Promise((resolve) => {
      answer = () => resolve('waits');
      setTimeout(answer, 300);
    }),
  ]);
  expect(first).toBe('waits');
  helper.hangUp();
  expect(await ended).toBe(1);
});

test('SIGTERM while it waits for the last answer changes nothing', async () => {
  await using helper = new HelperProcess(SAVE, () => undefined);
  await helper.until(10);
  helper.kill('SIGTERM');
  await new Promise((resolve) => setTimeout(resolve, 200));
  expect(helper.of(10)).toHaveLength(1);
  helper.hangUp();
  expect(await helper.ended()).toBe(1);
});

test('libxl that is gone from the beginning is noticed', async () => {
  await using helper = new HelperProcess(SAVE);
  helper.hangUp();
  expect(await helper.ended()).toBe(1);
  expect(helper.stderr).toContain('libxl has closed its end');
});

test.each([
  [[], 'no mode was given'],
  [['--save-domain', '1'], '6 arguments are needed'],
  [SAVE.with(3, 'x'), 'domid is "x"'],
])('a bad command line %j is said on stderr, and nothing on the protocol', async (argv, says) => {
  await using helper = new HelperProcess(argv);
  expect(await helper.ended()).toBe(2);
  expect(helper.stderr).toContain(says);
  expect(helper.stderr).toContain('usage: ');
  expect(helper.messages).toEqual([]);
});

noXen(
  'events go to the file that was asked for, and a file that cannot be written is no failure of its own',
  async () => {
    const folder = mkdtempSync(join(tmpdir(), 'xenferry-events-'));
    try {
      const path = join(folder, 'events');
      await using helper = new HelperProcess(SAVE, undefined, { XENFERRY_EVENTS: path });
      expect(await helper.ended()).toBe(0);
      const lines = readFileSync(path, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      expect(lines).toMatchObject([
        { type: 'begin', side: 'save', domid: 7 },
        { type: 'failed', failure: { code: 'NOT_SUPPORTED', errno: 95 } },
      ]);
      await using other = new HelperProcess(SAVE, undefined, { XENFERRY_EVENTS: join(folder, 'none', 'events') });
      expect(await other.ended()).toBe(0);
      expect(other.logs.find(({ level }) => level === 7)?.text).toContain('XENFERRY_EVENTS');
      expect(other.of(10)[0].args).toEqual([-1, 95]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  },
);
