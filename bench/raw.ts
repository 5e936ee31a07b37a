/**
 * What this machine's loopback carries between two processes that do nothing else: plain sockets, writes of 1 MiB, reads
 * into one buffer that is used again and again. No protocol, and no memory but those two buffers.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { randomFillSync } from 'node:crypto';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';

const CHUNK = 1 << 20;
/** Writes under way: node's socket is never without one. */
const AHEAD = 3;

export class RawLink implements AsyncDisposable {
  private constructor(
    private readonly receiver: ChildProcess,
    private readonly port: number,
  ) {}

  static async open(): Promise<RawLink> {
    const receiver = fork(join(__dirname, 'raw-receiver.js'));
    const [port] = (await once(receiver, 'message')) as [number];
    return new RawLink(receiver, port);
  }

  /** Bytes a second, from the first write until the receiver has read the last byte. */
  async measure(bytes: number): Promise<number> {
    const chunk = randomFillSync(Buffer.alloc(CHUNK));
    const socket = connect(this.port, '127.0.0.1');
    socket.setNoDelay(true);
    await once(socket, 'connect');
    const start = performance.now();
    const received = once(this.receiver, 'message');
    await writeAll(socket, chunk, bytes);
    socket.end();
    const [count] = (await received) as [number];
    const seconds = (performance.now() - start) / 1000;
    if (count !== bytes) throw new Error(`${count} of ${bytes} bytes arrived`);
    return bytes / seconds;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const gone = once(this.receiver, 'exit');
    this.receiver.disconnect();
    await gone;
  }
}

async function writeAll(socket: Socket, chunk: Buffer, bytes: number): Promise<void> {
  const underWay: Promise<void>[] = [];
  for (let left = bytes; left > 0; left -= chunk.length) {
    const part = left < chunk.length ? chunk.subarray(0, left) : chunk;
    underWay.push(new Promise((resolve, reject) => socket.write(part, (error) => (error ? reject(error) : resolve()))));
    if (underWay.length >= AHEAD) await underWay.shift();
  }
  await Promise.all(underWay);
}
