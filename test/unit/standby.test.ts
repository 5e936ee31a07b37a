/** A migration that is handed to a helper that stood by goes as one for which it is started: on a machine without Xen, to the same refusal. */

import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Standby, type StandbyEvent, standbyOps, standsBy } from '../../src/libxl/standby/index.js';
import { HelperProcess, LAUNCHER } from '../support/libxl-peer.js';

const SAVE = ['--save-domain', '3', '-1', '7', '1', '136', '0'];
const noXen = existsSync('/proc/xen/capabilities') ? test.skip : test;

let folder: string;
let socket: string;
let events: StandbyEvent[];
let heard: () => void;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xenferry-standby-'));
  socket = join(folder, 'socket');
  events = [];
  heard = () => undefined;
});
afterEach(() => rmSync(folder, { recursive: true }));

function opened(helpers = 1): Standby {
  const onEvent = (event: StandbyEvent): void => {
    events.push(event);
    heard();
  };
  return Standby.open({ ops: standbyOps(), socket, helpers, onEvent });
}

const told = async (type: StandbyEvent['type'], times = 1): Promise<StandbyEvent> => {
  for (;;) {
    const found = events.filter((event) => event.type === type);
    if (found.length >= times) return found[times - 1];
    await new Promise<void>((resolve) => {
      heard = resolve;
    });
  }
};

const launch = (
  argv: readonly string[],
  env: Readonly<Record<string, string>> = {},
  answer?: ConstructorParameters<typeof HelperProcess>[1],
): HelperProcess => new HelperProcess(argv, answer, { XENFERRY_STANDBY: socket, ...env }, [LAUNCHER]);

noXen('one that stands by takes the save, by the protocol, with the environment of xl', async () => {
  await using _ = opened();
  const ready = await told('ready');
  const log = join(folder, 'events');
  await using helper = launch(SAVE, { XENFERRY_EVENTS: log });
  expect(await helper.ended()).toBe(0);
  expect(helper.of(10)[0].args).toEqual([-1, 95]);
  expect(helper.logs[0].text).toContain(`process ${ready.pid}`);
  expect(helper.stderr).toBe('');
  expect(JSON.parse(readFileSync(log, 'utf8').split('\n')[0])).toMatchObject({ type: 'begin', pid: ready.pid });
  expect(await told('ended')).toMatchObject({ pid: ready.pid, status: 0 });
  // The next one is there for the next save.
  await told('ready', 2);
  await using next = launch(SAVE);
  expect(await next.ended()).toBe(0);
  expect(next.logs[0].text).not.toContain(`process ${ready.pid}`);
});

noXen('where none stands by, one is started', async () => {
  await using helper = launch(SAVE);
  expect(await helper.ended()).toBe(0);
  expect(helper.of(10)[0].args).toEqual([-1, 95]);
});

noXen('where the one that stands by is at work, another is started', async () => {
  await using _ = opened();
  await told('ready');
  await using first = launch(SAVE, {}, () => undefined);
  await first.until(10);
  await using second = launch(SAVE);
  expect(await second.ended()).toBe(0);
  expect(second.of(10)[0].args).toEqual([-1, 95]);
});

test('the status of a bad command line comes through', async () => {
  await using _ = opened();
  await told('ready');
  await using helper = launch(SAVE.with(3, 'x'));
  expect(await helper.ended()).toBe(2);
  expect(helper.stderr).toContain('domid is "x"');
});

noXen('when the helper is killed, what libxl has started ends with a failure', async () => {
  await using _ = opened();
  const { pid } = await told('ready');
  await using helper = launch(SAVE, {}, () => undefined);
  await helper.until(10);
  process.kill(pid, 'SIGKILL');
  expect(await helper.ended()).toBe(1);
  expect(helper.stderr).toContain('has ended without a word');
});

noXen('when all of libxl is gone, the helper ends', async () => {
  await using _ = opened();
  await told('ready');
  await using helper = launch(SAVE, {}, () => undefined);
  await helper.until(10);
  helper.kill('SIGKILL');
  helper.hangUp();
  expect(await told('ended')).toMatchObject({ status: 1 });
});

noXen('whoever connects and says nothing, or nonsense, keeps nobody from the helper', async () => {
  await using _ = opened();
  const { pid } = await told('ready');
  const stranger = connect(socket).on('error', () => undefined);
  await new Promise((resolve) => stranger.once('data', resolve));
  stranger.end(Buffer.alloc(12, 0xff));
  await new Promise((resolve) => stranger.once('close', resolve));
  await using helper = launch(SAVE);
  expect(await helper.ended()).toBe(0);
  expect(helper.logs[0].text).toContain(`process ${pid}`);
});

noXen('whether somebody stands by is asked without taking the helper', async () => {
  expect(await standsBy(socket)).toBe(false);
  await using _ = opened();
  await told('ready');
  expect(await standsBy(socket)).toBe(true);
  await using helper = launch(SAVE);
  expect(await helper.ended()).toBe(0);
  expect(events.map(({ type }) => type)).toContain('taken');
});

test('a socket has one standby; one that died leaves none in the way', async () => {
  {
    await using _ = opened(0);
    expect(() => opened(0)).toThrow(expect.objectContaining({ code: 'EADDRINUSE' }));
  }
  expect(existsSync(socket)).toBe(false);
  await using _ = opened(0);
});

test('those that wait end with the standby', async () => {
  const standby = opened(2);
  await told('ready', 2);
  await standby[Symbol.asyncDispose]();
  for (const { pid } of events) expect(() => process.kill(pid, 0)).toThrow();
});
