import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { type Channel, connectTcp } from '../../../src/transport/index.js';
import { channelAndSocket, channelPair } from '../../support/sockets.js';

async function readNew(channel: Channel, bytes: number): Promise<Buffer> {
  const into = Buffer.alloc(bytes);
  await channel.read(into);
  return into;
}

test('a read gets exactly its bytes, however they were cut on either side', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 100_000 }), { minLength: 1, maxLength: 12 }),
      fc.array(fc.integer({ min: 0, max: 150_000 }), { minLength: 1, maxLength: 12 }),
      async (writes, reads) => {
        const [from, to] = await channelPair();
        const sent = randomBytes(writes.reduce((a, b) => a + b));
        const ends = writes.map((_, i) => writes.slice(0, i + 1).reduce((a, b) => a + b));
        const chunks = writes.map((length, i) => sent.subarray(ends[i] - length, ends[i]));
        const written = Promise.all(chunks.map((chunk) => from.write([chunk]))).then(() => from.end());
        const received: Buffer[] = [];
        let left = sent.length;
        for (let i = 0; left > 0; i++) {
          const length = Math.min(left, reads[i % reads.length] + (i % reads.length === 0 ? 1 : 0));
          received.push(await readNew(to, length));
          left -= length;
        }
        await written;
        expect(Buffer.concat(received).equals(sent)).toBe(true);
        await expect(to.read(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENDED', received: 0 });
        from.destroy();
        to.destroy();
      },
    ),
    { numRuns: 25 },
  );
});

test('bytes that trickle in one by one fill a read', async () => {
  const [channel, socket] = await channelAndSocket();
  const read = readNew(channel, 20);
  for (let i = 0; i < 20; i++) {
    socket.write(Uint8Array.of(i));
    await sleep(1);
  }
  expect([...(await read)]).toEqual([...Array(20).keys()]);
});

test('a large transfer arrives whole in shared memory, written in many vectors', async () => {
  const [from, to] = await channelPair();
  const bytes = 48 << 20;
  const source = randomBytes(bytes);
  const target = new Uint8Array(new SharedArrayBuffer(bytes));
  const chunks = Array.from({ length: bytes >> 14 }, (_, i) => source.subarray(i << 14, (i + 1) << 14));
  const written = from.write(chunks);
  for (let at = 0; at < bytes; at += 4 << 20) await to.read(target.subarray(at, at + (4 << 20)));
  await written;
  expect(Buffer.from(target.buffer).equals(source)).toBe(true);
  expect(from.bytesWritten).toBe(bytes);
});

test('nobody reads: the sender is held up, and nothing is buffered without bound', async () => {
  const [from, to] = await channelPair();
  const chunk = new Uint8Array(64 << 20);
  let taken = false;
  const written = from.write([chunk]).then(() => {
    taken = true;
  });
  await sleep(150);
  expect(taken).toBe(false);
  const before = process.memoryUsage().arrayBuffers;
  for (let left = chunk.length; left > 0; left -= 1 << 20) await to.read(new Uint8Array(1 << 20));
  await written;
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(80 << 20);
});

test('a peer that ends in mid read: ENDED, with the count', async () => {
  const [from, to] = await channelPair();
  await from.write([new Uint8Array(100)]);
  await from.end();
  await expect(to.read(new Uint8Array(300))).rejects.toMatchObject({
    name: 'ChannelError',
    code: 'ENDED',
    received: 100,
  });
});

test('a half-closed channel still carries the other direction', async () => {
  const [a, b] = await channelPair();
  await a.end();
  await expect(b.read(new Uint8Array(1))).rejects.toMatchObject({ code: 'ENDED' });
  await b.write([Buffer.from('after the end')]);
  expect((await readNew(a, 13)).toString()).toBe('after the end');
});

test('a peer that resets: BROKEN, with the cause, for the read and for later writes', async () => {
  const [channel, socket] = await channelAndSocket();
  const read = channel.read(new Uint8Array(10));
  socket.resetAndDestroy();
  await expect(read).rejects.toMatchObject({ code: 'BROKEN', cause: { code: 'ECONNRESET' } });
  await expect(channel.write([new Uint8Array(1)])).rejects.toMatchObject({ code: 'BROKEN' });
  await expect(channel.read(new Uint8Array(1))).rejects.toMatchObject({ code: 'BROKEN' });
});

test('destroy() rejects what is pending with its reason, on both sides of the call, and twice is once', async () => {
  const [from, to] = await channelPair();
  const reason = new Error('cancelled by the user');
  const read = from.read(new Uint8Array(1));
  const write = from.write([new Uint8Array(64 << 20)]);
  from.destroy(reason);
  from.destroy();
  await expect(read).rejects.toMatchObject({ code: 'BROKEN', cause: reason });
  await expect(write).rejects.toMatchObject({ code: 'BROKEN', cause: reason });
  await expect(to.read(new Uint8Array(65 << 20))).rejects.toMatchObject({ name: 'ChannelError' });
});

test('nothing is written to a target after its read was rejected', async () => {
  const [channel, socket] = await channelAndSocket();
  const into = new Uint8Array(4096);
  const read = channel.read(into);
  channel.destroy();
  await expect(read).rejects.toMatchObject({ code: 'BROKEN' });
  socket.write(new Uint8Array(4096).fill(7));
  await sleep(30);
  expect(into.every((byte) => byte === 0)).toBe(true);
});

test('a second read while one is pending is refused, and the first goes on', async () => {
  const [from, to] = await channelPair();
  const first = readNew(to, 2);
  await expect(to.read(new Uint8Array(1))).rejects.toThrow('one read at a time');
  await from.write([Uint8Array.of(1, 2)]);
  expect([...(await first)]).toEqual([1, 2]);
});

test('nobody listens: BROKEN, naming the address', async () => {
  await expect(connectTcp({ host: '127.0.0.1', port: 1 })).rejects.toMatchObject({
    code: 'BROKEN',
    message: expect.stringContaining('127.0.0.1:1'),
  });
});

test('an aborted connect rejects with the reason', async () => {
  const abort = new AbortController();
  const connecting = connectTcp({ host: '192.0.2.1', port: 9 }, abort.signal);
  abort.abort(new Error('never mind'));
  await expect(connecting).rejects.toThrow('never mind');
});
