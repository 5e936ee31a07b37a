/** Descriptors of pipes: slow, without a reader, not blocking, shared with others. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, constants, fstatSync, mkdtempSync, openSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FdChannel } from '../../../src/transport/index.js';

const directory = mkdtempSync(join(tmpdir(), 'xenferry-fd-'));
const fifo = join(directory, 'pipe');
const PIPE_BYTES = 65_536;

beforeAll(() => execFileSync('mkfifo', [fifo]));
afterAll(() => rmSync(directory, { recursive: true }));

const isOpen = (fd: number): boolean => {
  try {
    fstatSync(fd);
    return true;
  } catch {
    return false;
  }
};

test('a pipe that does not block is waited for, and a write that it takes in part goes on where it was', async () => {
  const keep = openSync(fifo, 'r+');
  const reader = new FdChannel(openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK));
  const writer = new FdChannel(openSync(fifo, constants.O_WRONLY | constants.O_NONBLOCK));
  // The pipe takes the first chunk and one byte of the second.
  const bytes = randomBytes(PIPE_BYTES + 1000);
  const got = Buffer.alloc(bytes.length);
  const reading = reader.read(got.subarray(0, 10));
  await sleep(20);
  const written = writer.write([bytes.subarray(0, 10)]);
  await Promise.all([reading, written]);
  const rest = writer.write([bytes.subarray(10, PIPE_BYTES + 9), bytes.subarray(PIPE_BYTES + 9)]);
  await sleep(20);
  await reader.read(got.subarray(10));
  await rest;
  expect(got.equals(bytes)).toBe(true);
  reader.destroy();
  await writer.end();
  closeSync(keep);
});

test('several buffers are filled by what comes, in whatever pieces', async () => {
  const reader = new FdChannel(openSync(fifo, 'r+'));
  const writer = new FdChannel(openSync(fifo, 'w'));
  const bytes = randomBytes(3000);
  const [a, b, c] = [Buffer.alloc(1000), Buffer.alloc(500), Buffer.alloc(1500)];
  const reading = reader.readv([a, Buffer.alloc(0), b, c]);
  for (const [from, to] of [
    [0, 400],
    [400, 1200],
    [1200, 1500],
    [1500, 3000],
  ]) {
    await writer.write([bytes.subarray(from, to)]);
    await sleep(5);
  }
  await reading;
  expect(Buffer.concat([a, b, c]).equals(bytes)).toBe(true);
  reader.destroy();
  await writer.end();
});

test('a file that ends in the middle of several buffers says how much came', async () => {
  const path = join(directory, 'short');
  writeFileSync(path, randomBytes(1200));
  const reader = new FdChannel(openSync(path, 'r'));
  const reading = reader.readv([Buffer.alloc(1000), Buffer.alloc(1000)]);
  await expect(reading).rejects.toMatchObject({
    code: 'ENDED',
    received: 1200,
    message: expect.stringContaining('800 bytes too early'),
  });
  await reader.end();
});

test('a write that failed fails those behind it, though the pipe has a reader again', async () => {
  const first = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  const writer = new FdChannel(openSync(fifo, 'w'));
  closeSync(first);
  await expect(writer.write([Uint8Array.of(1)])).rejects.toMatchObject({ code: 'BROKEN', cause: { code: 'EPIPE' } });
  const second = openSync(fifo, constants.O_RDONLY | constants.O_NONBLOCK);
  await expect(writer.write([Uint8Array.of(2)])).rejects.toMatchObject({ code: 'BROKEN', cause: { code: 'EPIPE' } });
  closeSync(second);
});

test('destroyed while a read is under way, it is closed when that has returned, and not before', async () => {
  const keep = openSync(fifo, 'r+');
  const fd = openSync(fifo, 'r');
  const channel = new FdChannel(fd);
  const reading = channel.read(new Uint8Array(1));
  await expect(channel.read(new Uint8Array(1))).rejects.toThrow('one read at a time');
  channel.destroy(new Error('enough'));
  await sleep(20);
  expect(isOpen(fd)).toBe(true);
  writeSync(keep, Uint8Array.of(1, 2));
  await reading.catch(() => undefined);
  while (isOpen(fd)) await sleep(5);
  await expect(channel.read(new Uint8Array(1))).rejects.toMatchObject({ code: 'BROKEN', cause: { message: 'enough' } });
  closeSync(keep);
});

test('what is another’s stays open', async () => {
  const fd = openSync(fifo, 'r+');
  await new FdChannel(fd, { keepOpen: true }).end();
  expect(isOpen(fd)).toBe(true);
  closeSync(fd);
});
