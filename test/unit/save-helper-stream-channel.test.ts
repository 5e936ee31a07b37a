/** The stream's descriptor: a FIFO stands for the pipe of xl, a file for that of xl save. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  closeSync,
  constants,
  fstatSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StreamChannel } from '../../src/libxl/save-helper/stream-channel.js';
import { type FdOps, loadAddon } from '../../src/native/index.js';

const addon = loadAddon();
const ops = addon as FdOps;
const describeNative = addon ? describe : describe.skip; // needs npm run build:native

let folder: string;
let opened: number[];

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'xenferry-stream-'));
  opened = [];
});

afterEach(() => {
  for (const fd of opened) closeSync(fd);
  rmSync(folder, { recursive: true });
});

const open = (path: string, flags: number): number => {
  opened.push(openSync(path, flags, 0o600));
  return opened[opened.length - 1];
};

/** Both ends of a pipe; the flags of neither say O_NONBLOCK. */
function pipe(): { readonly from: number; readonly to: number } {
  const path = join(folder, 'pipe');
  execFileSync('mkfifo', [path]);
  const both = open(path, constants.O_RDWR); // or the next would wait for each other
  const ends = { from: open(path, constants.O_RDONLY), to: open(path, constants.O_WRONLY) };
  opened.splice(opened.indexOf(both), 1);
  closeSync(both);
  return ends;
}

const descriptors = (): number => readdirSync('/proc/self/fd').length;
const flagsOf = (fd: number): string =>
  /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? '';

describeNative('StreamChannel', () => {
  it('fills several buffers by one read, wherever the bytes stop coming meanwhile', async () => {
    const { from, to } = pipe();
    await using reader = new StreamChannel(ops, from, 'read');
    const data = new Uint8Array(randomBytes(12));
    const [a, b, c] = [new Uint8Array(4), new Uint8Array(5), new Uint8Array(3)];
    writeSync(to, data.subarray(0, 6));
    const read = reader.readv([a, b, c]);
    writeSync(to, data.subarray(6));
    await read;
    expect(Buffer.concat([a, b, c])).toEqual(Buffer.from(data));
  });

  it('carries more than a pipe holds, in pieces and in order', async () => {
    const { from, to } = pipe();
    await using writer = new StreamChannel(ops, to, 'write');
    await using reader = new StreamChannel(ops, from, 'read');
    const data = new Uint8Array(randomBytes(3 << 20));
    const pieces = [0, 1, 7, 65_536, 65_600, 2_000_000, data.length];
    const written = Promise.all(
      pieces.slice(1).map((end, i) => writer.write([data.subarray(pieces[i], end - 1), data.subarray(end - 1, end)])),
    );
    const got = new Uint8Array(data.length);
    await reader.read(got.subarray(0, 3));
    await reader.read(got.subarray(3));
    await written;
    expect(Buffer.compare(got, data)).toBe(0);
    expect(writer.bytesWritten).toBe(data.length);
  });

  it('reads no byte further than it is asked to', async () => {
    const { from, to } = pipe();
    writeSync(to, 'mine, theirs');
    await using reader = new StreamChannel(ops, from, 'read');
    await reader.read(new Uint8Array(6));
    const left = Buffer.alloc(16);
    expect(left.toString('latin1', 0, readSync(from, left))).toBe('theirs');
  });

  it('leaves the flags of what it was given alone, and the descriptor open', async () => {
    const { from, to } = pipe();
    const before = [flagsOf(from), flagsOf(to)];
    const count = descriptors();
    {
      await using writer = new StreamChannel(ops, to, 'write');
      await using reader = new StreamChannel(ops, from, 'read');
      await writer.write([Buffer.from('abc')]);
      await reader.read(new Uint8Array(3));
      expect([flagsOf(from), flagsOf(to)]).toEqual(before);
    }
    expect(fstatSync(to).isFIFO()).toBe(true);
    expect(descriptors()).toBe(count);
  });

  it('ends a read that waits when it is destroyed', async () => {
    const { from } = pipe();
    await using reader = new StreamChannel(ops, from, 'read');
    const read = reader.read(new Uint8Array(8));
    const reason = new Error('called off');
    setTimeout(() => reader.destroy(reason), 20);
    await expect(read).rejects.toMatchObject({ name: 'ChannelError', code: 'BROKEN', cause: reason });
    await expect(reader.read(new Uint8Array(1))).rejects.toMatchObject({ cause: reason });
  });

  it('ends writes that wait when it is destroyed', async () => {
    const { to } = pipe();
    await using writer = new StreamChannel(ops, to, 'write');
    const writes = [writer.write([new Uint8Array(2 << 20)]), writer.write([new Uint8Array(10)])];
    setTimeout(() => writer.destroy(), 20);
    for (const write of writes) await expect(write).rejects.toMatchObject({ code: 'BROKEN' });
  });

  it('says how much came before the end', async () => {
    const { from, to } = pipe();
    writeSync(to, 'abc');
    opened.splice(opened.indexOf(to), 1);
    closeSync(to);
    await using reader = new StreamChannel(ops, from, 'read');
    await expect(reader.read(new Uint8Array(8))).rejects.toMatchObject({ code: 'ENDED', received: 3 });
  });

  it('keeps the errno of a pipe whose reader has gone', async () => {
    const { from, to } = pipe();
    await using writer = new StreamChannel(ops, to, 'write');
    opened.splice(opened.indexOf(from), 1);
    closeSync(from);
    await expect(writer.write([Buffer.from('x')])).rejects.toMatchObject({ code: 'BROKEN', cause: { errno: 32 } });
    await expect(writer.write([new Uint8Array(1 << 20)])).rejects.toMatchObject({ cause: { errno: 32 } });
  });

  it('keeps the errno of a disk that is full', async () => {
    await using writer = new StreamChannel(ops, open('/dev/full', constants.O_WRONLY), 'write');
    await expect(writer.write([Buffer.from('x')])).rejects.toMatchObject({ cause: { errno: 28 } });
  });

  it('writes a file and reads it', async () => {
    const path = join(folder, 'file');
    const data = new Uint8Array(randomBytes(1 << 20));
    await using writer = new StreamChannel(ops, open(path, constants.O_WRONLY | constants.O_CREAT), 'write');
    await Promise.all([writer.write([data.subarray(0, 100)]), writer.write([data.subarray(100)])]);
    await using reader = new StreamChannel(ops, open(path, constants.O_RDONLY), 'read');
    const got = new Uint8Array(data.length);
    await reader.read(got);
    expect(Buffer.compare(got, data)).toBe(0);
    await expect(reader.read(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENDED' });
  });
});
