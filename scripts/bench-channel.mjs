// Throughput of a TCP channel over loopback, as page data goes (4 MiB records into prefaulted shared memory), against
// a minimal sender and receiver (1 MiB writes, one buffer). Two processes; alternates, and prints medians and their ratio as JSON.
import { fork } from 'node:child_process';
import { connect, createServer, Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { pageOps } from '../dist/src/native/index.js';
import { acceptTcp, connectTcp } from '../dist/src/transport/index.js';

const BYTES = 1 << 30;
const RECORD = 4 << 20;
const HEADER = 16;
const PFNS = 8192;
const ROUNDS = 5;

function sharedMemory() {
  const memory = new Uint8Array(new SharedArrayBuffer(BYTES));
  pageOps.prefault(memory);
  return memory;
}

/** Three writes under way at a time, as the engine has them. */
async function pipelined(count, write) {
  const pending = [];
  for (let i = 0; i < count; i++) {
    pending.push(write(i));
    if (pending.length >= 3) await pending.shift();
  }
  await Promise.all(pending);
}

const senders = {
  async raw(port) {
    const socket = connect({ host: '127.0.0.1', port, noDelay: true });
    await new Promise((resolve) => socket.once('connect', resolve));
    const chunk = Buffer.alloc(1 << 20, 0x5a);
    const send = () => pipelined(BYTES / chunk.length, () => new Promise((resolve) => socket.write(chunk, resolve)));
    return { send, close: () => socket.destroy() };
  },
  async channel(port) {
    const channel = await connectTcp({ host: '127.0.0.1', port });
    const memory = sharedMemory();
    const [header, pfns] = [new Uint8Array(HEADER), new Uint8Array(PFNS)];
    const record = (i) => channel.write([header, pfns, memory.subarray(i * RECORD, (i + 1) * RECORD)]);
    return { send: () => pipelined(BYTES / RECORD, record), close: () => channel.destroy() };
  },
};

const receivers = {
  raw() {
    const buffer = Buffer.alloc(1 << 20);
    let left = BYTES;
    const callback = (count) => {
      left -= count;
      if (left <= 0) process.send('done');
      return true;
    };
    return (accepted) => new Socket({ handle: accepted._handle, onread: { buffer: () => buffer, callback } }).resume();
  },
  channel() {
    const memory = sharedMemory();
    return async (accepted) => {
      const channel = acceptTcp(accepted);
      const [header, pfns] = [new Uint8Array(HEADER), new Uint8Array(PFNS)];
      for (let at = 0; at < BYTES; at += RECORD) {
        await channel.read(header);
        await channel.read(pfns);
        await channel.read(memory.subarray(at, at + RECORD));
      }
      process.send('done');
    };
  },
};

async function measure(kind) {
  const child = fork(fileURLToPath(import.meta.url), [kind]);
  const message = () => new Promise((resolve) => child.once('message', resolve));
  const { send, close } = await senders[kind](await message());
  const done = message();
  const startedAt = performance.now();
  await send();
  await done;
  const ms = performance.now() - startedAt;
  close();
  child.kill();
  return BYTES / ms / 1e6;
}

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];

const [, , kind] = process.argv;
if (kind) {
  const server = createServer({ pauseOnConnect: true, allowHalfOpen: true }, receivers[kind]());
  server.listen(0, '127.0.0.1', () => process.send(server.address().port));
} else {
  const rates = { raw: [], channel: [] };
  for (let round = 0; round < ROUNDS; round++)
    for (const which of ['raw', 'channel']) rates[which].push(await measure(which));
  const [rawGBps, channelGBps] = [median(rates.raw), median(rates.channel)];
  console.log(JSON.stringify({ rawGBps, channelGBps, ratio: channelGBps / rawGBps }));
}
