import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FdChannel, FileSink, openFileSource } from '../../../src/transport/index.js';

const directory = mkdtempSync(join(tmpdir(), 'xenferry-file-'));
const path = join(directory, 'domain.save');

afterEach(() => {
  for (const file of readdirSync(directory)) rmSync(join(directory, file), { recursive: true });
});
afterAll(() => rmSync(directory, { recursive: true }));

function openFds(): number {
  return readdirSync('/proc/self/fd').length;
}

test('what was saved is read back, exactly and in shared memory; the file is private', async () => {
  const bytes = randomBytes(3 << 20);
  const before = openFds();
  const sink = await FileSink.create(path);
  const chunks = Array.from({ length: 3000 }, (_, i) => bytes.subarray(i * 1024, (i + 1) * 1024));
  void sink.channel.write(chunks);
  await sink.channel.write([bytes.subarray(3000 * 1024)]);
  expect(readdirSync(directory)).not.toContain('domain.save');
  await sink.commit();
  expect(sink.channel.bytesWritten).toBe(bytes.length);
  expect(readdirSync(directory)).toEqual(['domain.save']);
  expect(statSync(path).mode & 0o777).toBe(0o600);

  const source = await openFileSource(path);
  const got = new Uint8Array(new SharedArrayBuffer(bytes.length));
  await source.read(got.subarray(0, 11));
  await source.read(got.subarray(11));
  expect(Buffer.from(got.buffer).equals(bytes)).toBe(true);
  await expect(source.read(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENDED', received: 0 });
  source.destroy();
  await expect(source.read(new Uint8Array(1))).rejects.toMatchObject({ code: 'BROKEN' });
  await new Promise((resolve) => setTimeout(resolve, 20));
  expect(openFds()).toBe(before);
});

test('a truncated file: ENDED, with the count', async () => {
  writeFileSync(path, 'short');
  const source = await openFileSource(path);
  await expect(source.read(new Uint8Array(10))).rejects.toMatchObject({ code: 'ENDED', received: 5 });
  source.destroy();
});

test('an aborted save leaves nothing, and an older file as it was', async () => {
  writeFileSync(path, 'the older one');
  const sink = await FileSink.create(path);
  await sink.channel.write([randomBytes(1000)]);
  await sink.abort();
  expect(readdirSync(directory)).toEqual(['domain.save']);
  expect(readFileSync(path, 'utf8')).toBe('the older one');
  await expect(sink.channel.write([new Uint8Array(1)])).rejects.toMatchObject({ code: 'BROKEN' });
});

test('a full disk breaks the channel with its cause', async () => {
  const channel = new FdChannel(openSync('/dev/full', 'w'));
  const writes = [channel.write([new Uint8Array(10)]), channel.write([new Uint8Array(10)])];
  for (const write of writes) await expect(write).rejects.toMatchObject({ code: 'BROKEN', cause: { code: 'ENOSPC' } });
});

test('a named pipe carries a stream between descriptors, with back-pressure', async () => {
  const fifo = join(directory, 'pipe');
  execFileSync('mkfifo', [fifo]);
  const keep = openSync(fifo, 'r+');
  const reader = new FdChannel(openSync(fifo, 'r'));
  const writer = new FdChannel(openSync(fifo, 'w'));
  closeSync(keep);
  const bytes = randomBytes(1 << 20);
  const written = writer.write([bytes]).then(() => writer.end());
  const got = Buffer.alloc(bytes.length);
  await reader.read(got.subarray(0, 100));
  await reader.read(got.subarray(100));
  await written;
  expect(got.equals(bytes)).toBe(true);
  await expect(reader.read(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENDED' });
  reader.destroy();
});

test('what is no regular file is refused at once, to read and to replace', async () => {
  const fifo = join(directory, 'pipe');
  execFileSync('mkfifo', [fifo]);
  mkdirSync(path);
  const before = openFds();
  for (const [place, kind] of [
    [fifo, 'a FIFO'],
    [path, 'a directory'],
    ['/dev/null', 'a device'],
  ]) {
    await expect(openFileSource(place)).rejects.toThrow(`it is ${kind}, not a regular file`);
    await expect(FileSink.create(place)).rejects.toThrow(`it is ${kind}, not a regular file`);
  }
  await expect(FileSink.create('/nonexistent/x')).rejects.toMatchObject({ code: 'ENOENT' });
  expect(openFds()).toBe(before);
  expect(readdirSync(directory).sort()).toEqual(['domain.save', 'pipe']);
});
