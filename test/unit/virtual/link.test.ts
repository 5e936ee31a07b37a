import fc from 'fast-check';
import { VirtualClock } from '../../../src/backends/emulated/virtual/clock.js';
import { Link, type LinkOptions } from '../../../src/backends/emulated/virtual/link.js';
import { type Channel, ChannelError } from '../../../src/migrate/io/channel.js';

const KIB = 1024;
/** One byte a microsecond: the arithmetic is easy to see. */
const SLOW: LinkOptions = { bytesPerSecond: 1_000_000, latencyMs: 5 };

function setUp(options: LinkOptions = SLOW) {
  const clock = new VirtualClock();
  const link = new Link(clock, options, 'link');
  return { clock, link, connect: (name = 'c'): readonly [Channel, Channel] => link.connect(name) };
}

function bytes(length: number, seed = 1): Uint8Array {
  const data = new Uint8Array(length);
  for (let i = 0; i < length; i++) data[i] = i * 31 + (i >>> 8) * 17 + seed * 7;
  return data;
}

/** toEqual() is slow on long arrays. */
const same = (a: Uint8Array, b: Uint8Array): boolean => Buffer.compare(a, b) === 0;

const codeOf = (promise: Promise<unknown>): Promise<unknown> =>
  promise.then(
    () => 'resolved',
    (error) => error.code ?? error,
  );

test('bytes arrive as written, after the time that bandwidth and latency say', async () => {
  const { clock, connect } = setUp();
  const [a, b] = connect();
  const data = bytes(3000);
  const into = new Uint8Array(3000);
  void a.write([data.subarray(0, 1), data.subarray(1, 1000), data.subarray(1000)]);
  await clock.run(b.read(into));
  expect(into).toEqual(data);
  expect(clock.now()).toBe(3 + 5);
  expect(a.bytesWritten).toBe(3000);
});

test('no rounding adds up over many segments', async () => {
  const { clock, connect } = setUp({ bytesPerSecond: 3_333_333, latencyMs: 0 });
  const [a, b] = connect();
  const data = new Uint8Array(10_000_000);
  void a.write([data]);
  await clock.run(b.read(data));
  expect(clock.ns).toBe(Math.round((10_000_000 * 1e9) / 3_333_333));
});

test('the directions share nothing', async () => {
  const { clock, connect } = setUp();
  const [a, b] = connect();
  void a.write([bytes(10_000)]);
  void b.write([bytes(10_000)]);
  await clock.run(Promise.all([a.read(new Uint8Array(10_000)), b.read(new Uint8Array(10_000))]));
  expect(clock.now()).toBe(10 + 5);
});

test('channels of one direction share the bandwidth, and an urgent one waits for one segment', async () => {
  const { clock, connect } = setUp();
  const [push, pushed] = connect('push');
  const [urgent, answered] = connect('urgent');
  const size = 640 * KIB;
  void push.write([new Uint8Array(size)]);
  const bulk = pushed.read(new Uint8Array(size));
  await clock.run(clock.sleep(1));
  void urgent.write([new Uint8Array(4 * KIB)]);
  await clock.run(answered.read(new Uint8Array(4 * KIB)));
  expect(clock.now()).toBe((64 * KIB + 4 * KIB) / 1000 + 5);
  await clock.run(bulk);
  expect(clock.now()).toBe((size + 4 * KIB) / 1000 + 5);
});

test('two busy channels get the same share', async () => {
  const { clock, link, connect } = setUp();
  const [first, second] = [connect('1'), connect('2')];
  const size = 512 * KIB;
  const times: number[] = [];
  for (const [from, to] of [first, second]) {
    void from.write([new Uint8Array(size)]);
    void to.read(new Uint8Array(size)).then(() => times.push(clock.now()));
  }
  await clock.run(clock.sleep(2000));
  expect(times).toEqual([(2 * size - 64 * KIB) / 1000 + 5, (2 * size) / 1000 + 5]);
  expect(link.delivered(0)).toBe(2 * size);
});

test('write() waits once the send buffer is full, and takes the bytes when it resolves', async () => {
  const { clock, connect } = setUp({ ...SLOW, sendBuffer: 100_000 });
  const [a, b] = connect();
  const fits = bytes(100_000, 1);
  await a.write([fits]);
  expect(clock.now()).toBe(0);
  fits.fill(0);
  const more = bytes(50_000, 2);
  const into = new Uint8Array(150_000);
  const read = b.read(into);
  // Room comes a segment at a time: the last byte goes in when the first segment has left.
  await clock.run(a.write([more]));
  expect(clock.now()).toBe((64 * KIB) / 1000);
  more.fill(0);
  await clock.run(read);
  expect(same(into.subarray(0, 100_000), bytes(100_000, 1))).toBe(true);
  expect(same(into.subarray(100_000), bytes(50_000, 2))).toBe(true);
});

test('a reader that does not read holds the writer back, and nobody else', async () => {
  const { clock, connect } = setUp({ ...SLOW, sendBuffer: 64 * KIB, receiveBuffer: 64 * KIB });
  const [a, b] = connect('stuck');
  const data = bytes(512 * KIB);
  const stuck = a.write([data]);
  let taken = false;
  void stuck.then(() => {
    taken = true;
  });
  await clock.run(clock.sleep(10_000));
  expect(taken).toBe(false);
  const [c, d] = connect('free');
  const started = clock.now();
  void c.write([new Uint8Array(1000)]);
  await clock.run(d.read(new Uint8Array(1000)));
  expect(clock.now() - started).toBe(1 + 5);
  const into = new Uint8Array(data.length);
  await clock.run(Promise.all([stuck, b.read(into)]));
  expect(same(into, data)).toBe(true);
});

test('the window never slows a reader that keeps up, however long the link is', async () => {
  const { clock, connect } = setUp({ bytesPerSecond: 100_000_000, latencyMs: 80 });
  const [a, b] = connect();
  const data = new Uint8Array(40_000_000);
  void a.write([data]);
  await clock.run(b.read(data));
  expect(clock.now()).toBe(400 + 80);
});

test('end() comes after all data; a read across it says how much came', async () => {
  const { clock, connect } = setUp();
  const [a, b] = connect();
  void a.write([bytes(10)]);
  await clock.run(a.end());
  const error = await clock.run(b.read(new Uint8Array(11)).catch((error: unknown) => error));
  expect(error).toBeInstanceOf(ChannelError);
  expect(new Error('ChannelError')).not.toBeInstanceOf(ChannelError);
  expect(error).toMatchObject({ name: 'ChannelError', code: 'ENDED', received: 10 });
  expect(await codeOf(b.read(new Uint8Array(1)))).toBe('ENDED');
  expect(await codeOf(a.write([bytes(1)]))).toBe('BROKEN');
  // The other direction is still open.
  void b.write([bytes(4)]);
  await clock.run(a.read(new Uint8Array(4)));
  await clock.run(a.end());
});

test('destroy() breaks this end at once and the other after the latency', async () => {
  const { clock, connect, link } = setUp();
  const [a, b] = connect();
  void a.write([bytes(1000)]);
  const mine = codeOf(a.read(new Uint8Array(1)));
  const theirs = codeOf(b.read(new Uint8Array(2000))).then((code) => `${code}@${clock.now()}`);
  a.destroy(new Error('enough'));
  a.destroy();
  expect(await mine).toBe('BROKEN');
  expect(await clock.run(theirs)).toBe('BROKEN@5');
  expect(await codeOf(b.write([bytes(1)]))).toBe('BROKEN');
  expect(link.open).toHaveLength(0);
});

test('destroy() after end() still delivers what was written, as close(2) does', async () => {
  const { clock, connect, link } = setUp();
  const [a, b] = connect();
  void a.write([bytes(1000)]);
  void a.end();
  a.destroy();
  const into = new Uint8Array(1000);
  await clock.run(b.read(into));
  expect(into).toEqual(bytes(1000));
  expect(await clock.run(codeOf(b.read(into)))).toBe('ENDED');
  await clock.run(b.end());
  expect(link.open).toHaveLength(0);
});

test('a cut breaks every channel with what is on its way, and none can be made until restore()', async () => {
  const { clock, connect, link } = setUp();
  const [a, b] = connect();
  const reads = [codeOf(a.read(new Uint8Array(1))), codeOf(b.read(new Uint8Array(100_000)))];
  const write = codeOf(a.write([new Uint8Array(10_000_000)]));
  clock.at(20_000_000, () => link.cut());
  expect(await clock.run(Promise.all([...reads, write]))).toEqual(['BROKEN', 'BROKEN', 'BROKEN']);
  expect(clock.now()).toBe(20);
  expect(link.open).toHaveLength(0);
  expect(() => connect()).toThrow('link is down');
  link.restore();
  const [c, d] = connect('again');
  void c.write([bytes(10)]);
  const into = new Uint8Array(10);
  await clock.run(d.read(into));
  expect(into).toEqual(bytes(10));
});

test('each end notices a cut in its own time, and nothing gets through meanwhile', async () => {
  const { clock, connect, link } = setUp();
  const at = (promise: Promise<unknown>) => codeOf(promise).then((code) => `${code}@${clock.now()}`);
  const [a, b] = connect();
  const [c, d] = connect();
  link.cut({ noticeMs: [30, 60] });
  link.restore();
  void a.write([bytes(10)]);
  const waiting = Promise.all([a, b, c, d].map((channel) => at(channel.read(new Uint8Array(1)))));
  // The other end does not hear of this either.
  d.destroy();
  expect(await clock.run(waiting)).toEqual(['BROKEN@30', 'BROKEN@60', 'BROKEN@30', 'BROKEN@0']);
});

test('property: a link that is cut after n bytes delivers these and no more, and works again after restore()', async () => {
  const cutAt = fc.integer({ min: 1, max: 299_999 });
  await fc.assert(
    fc.asyncProperty(cutAt, fc.integer({ min: 500, max: 70_000 }), async (cutAt, piece) => {
      const { clock, connect, link } = setUp();
      const [a, b] = connect();
      const data = bytes(300_000);
      const into = new Uint8Array(300_000);
      link.cutAfter(0, cutAt);
      void codeOf(a.write([data]));
      let got = 0;
      const failure = await clock.run(
        (async () => {
          for (; got < data.length; got += piece) await b.read(into.subarray(got, got + piece));
          return undefined;
        })().catch((error) => error),
      );
      expect(failure).toMatchObject({ code: 'BROKEN' });
      expect(link.delivered(0)).toBe(cutAt);
      got += failure.received;
      expect(got).toBe(cutAt);
      expect(same(into.subarray(0, got), data.subarray(0, got))).toBe(true);
      link.restore();
      const [c, d] = connect();
      void c.write([data]);
      await clock.run(d.read(into));
      expect(same(into, data)).toBe(true);
    }),
    { numRuns: 25 },
  );
});

test('property: any pattern of writes and reads moves the same bytes, in the same time each run', async () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 90_000 }), { minLength: 1, maxLength: 12 });
  const options = fc.record({
    sendBuffer: fc.integer({ min: 100, max: 100_000 }),
    receiveBuffer: fc.integer({ min: 100, max: 100_000 }),
  });
  const transfer = async (
    writes: number[],
    piece: number,
    buffers: Partial<LinkOptions>,
  ): Promise<[Uint8Array, number]> => {
    const { clock, connect } = setUp({ bytesPerSecond: 50_000_000, latencyMs: 0.1, ...buffers });
    const [a, b] = connect();
    const total = writes.reduce((sum, size) => sum + size, 0);
    const data = bytes(total, total);
    let at = 0;
    for (const size of writes) {
      void a.write([data.subarray(at, at + size)]);
      at += size;
    }
    void a.end();
    const into = new Uint8Array(total);
    const reading = async () => {
      for (let got = 0; got < total; got += piece) await b.read(into.subarray(got, got + piece));
      expect(await codeOf(b.read(new Uint8Array(1)))).toBe('ENDED');
    };
    await clock.run(reading());
    expect(same(into, data)).toBe(true);
    return [into, clock.ns];
  };
  await fc.assert(
    fc.asyncProperty(sizes, fc.integer({ min: 1000, max: 100_000 }), options, async (writes, piece, buffers) => {
      const [, first] = await transfer(writes, piece, buffers);
      const [, second] = await transfer(writes, piece, buffers);
      expect(second).toBe(first);
    }),
    { numRuns: 25 },
  );
});

test('one read at a time', async () => {
  const { connect } = setUp();
  const [a] = connect();
  void a.read(new Uint8Array(1));
  await expect(a.read(new Uint8Array(1))).rejects.toThrow(TypeError);
});

test('a deadlock names the channel that somebody reads', async () => {
  const { clock, connect } = setUp();
  const [, b] = connect('stream');
  await expect(clock.run(b.read(new Uint8Array(24)))).rejects.toThrow('link stream[1] read of 24 bytes (0 came)');
});

test('what is not a link is refused', () => {
  for (const options of [
    { bytesPerSecond: 0, latencyMs: 1 },
    { bytesPerSecond: Number.NaN, latencyMs: 1 },
  ]) {
    expect(() => setUp(options)).toThrow(RangeError);
  }
});
