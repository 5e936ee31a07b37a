import { VirtualClock } from '../../../src/backends/emulated/virtual/clock.js';
import { Link } from '../../../src/backends/emulated/virtual/link.js';
import { BACKLOG, Listener } from '../../../src/backends/emulated/virtual/listener.js';
import type { Acceptor, Dialer } from '../../../src/migrate/io/channel.js';

function setUp(latencyMs = 5) {
  const clock = new VirtualClock();
  const link = new Link(clock, { bytesPerSecond: 1_000_000, latencyMs });
  const listener = new Listener(clock, link, 0);
  const ways: Dialer & Acceptor = listener;
  return { clock, link, listener, ways };
}

test('dial() takes a round trip and meets the accept() of its purpose, whichever comes first', async () => {
  const { clock, ways } = setUp();
  const early = ways.accept('urgent');
  const scenario = async () => {
    const push = await ways.dial('push');
    expect(clock.now()).toBe(10);
    const urgent = await ways.dial('urgent');
    const accepted = { push: await ways.accept('push'), urgent: await early };
    void accepted.urgent.write([Uint8Array.of(1)]);
    void accepted.push.write([Uint8Array.of(2)]);
    const into = new Uint8Array(2);
    await Promise.all([urgent.read(into.subarray(0, 1)), push.read(into.subarray(1))]);
    expect(into).toEqual(Uint8Array.of(1, 2));
  };
  await clock.run(scenario());
});

test('dial() fails after a round trip while the link is down or goes down', async () => {
  const { clock, link, ways } = setUp();
  link.cut();
  await expect(clock.run(ways.dial('push'))).rejects.toMatchObject({ code: 'BROKEN' });
  expect(clock.now()).toBe(10);
  for (const cutAt of [12, 16]) {
    link.restore();
    clock.at(Math.max(clock.ns, cutAt * 1e6), () => link.cut());
    await expect(clock.run(ways.dial('push'))).rejects.toMatchObject({ code: 'BROKEN' });
  }
  link.restore();
  // Connections that broke while they waited are not handed out.
  const accepted = clock.run(ways.accept('push'));
  void ways.dial('push');
  const channel = await accepted;
  await clock.run(channel.write([Uint8Array.of(1)]));
});

test('without latency a failed dial takes time all the same', async () => {
  const { clock, link, ways } = setUp(0);
  link.cut();
  await expect(clock.run(ways.dial('push'))).rejects.toMatchObject({ code: 'BROKEN' });
  expect(clock.now()).toBeGreaterThan(0);
});

test('the backlog is bounded', async () => {
  const { clock, ways } = setUp();
  for (let i = 0; i < BACKLOG; i++) await clock.run(ways.dial('push'));
  await expect(clock.run(ways.dial('push'))).rejects.toThrow('connection refused');
  await ways.accept('push');
  await clock.run(ways.dial('push'));
});

test('close() refuses diallers and those who wait to accept, and drops what was not accepted', async () => {
  const { clock, link, listener, ways } = setUp();
  const channel = await clock.run(ways.dial('push'));
  const accept = ways.accept('control');
  listener.close();
  await expect(accept).rejects.toMatchObject({ code: 'BROKEN' });
  await expect(ways.accept('push')).rejects.toMatchObject({ code: 'BROKEN' });
  await expect(clock.run(ways.dial('push'))).rejects.toThrow('connection refused');
  await expect(clock.run(channel.read(new Uint8Array(1)))).rejects.toMatchObject({ code: 'BROKEN' });
  expect(link.open).toHaveLength(0);
});

test('both can be aborted, and leave nothing', async () => {
  const { clock, link, ways } = setUp();
  const stop = new AbortController();
  const accept = ways.accept('control', stop.signal);
  const dial = ways.dial('push', stop.signal);
  clock.at(7_000_000, () => stop.abort('enough'));
  await expect(clock.run(dial)).rejects.toBe('enough');
  await expect(accept).rejects.toBe('enough');
  await expect(ways.dial('push', stop.signal)).rejects.toBe('enough');
  await expect(ways.accept('push', stop.signal)).rejects.toBe('enough');
  const later = ways.accept('control');
  await clock.run(clock.sleep(20));
  expect(link.open).toHaveLength(0);
  await clock.run(Promise.all([later, ways.dial('control')]));
});

test('a deadlock names the purpose that nobody dials', async () => {
  const { clock, ways } = setUp();
  await expect(clock.run(ways.accept('control'))).rejects.toThrow('link accept control');
});
