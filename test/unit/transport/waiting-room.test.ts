import { WaitingRoom } from '../../../src/transport/waiting-room.js';
import { MemoryChannel } from '../../support/memory-channel.js';

const isDestroyed = (channel: MemoryChannel): Promise<boolean> =>
  channel.read(new Uint8Array(1)).then(
    () => false,
    (error: { code: string }) => error.code === 'BROKEN',
  );

test('whoever has stopped waiting gets nothing: the channel is the next one’s', async () => {
  const room = new WaitingRoom();
  const abort = new AbortController();
  const gaveUp = room.take('push', abort.signal);
  abort.abort(new Error('too late'));
  await expect(gaveUp).rejects.toThrow('too late');
  const channel = new MemoryChannel();
  room.enter('push', channel);
  expect(await room.take('push')).toBe(channel);
});

test('who has got a channel keeps it, whatever the signal says later', async () => {
  const room = new WaitingRoom();
  const [first, second] = [new AbortController(), new AbortController()];
  const taken = room.take('push', first.signal);
  const waiting = room.take('push', second.signal);
  const channels = [new MemoryChannel(), new MemoryChannel()];
  room.enter('push', channels[0]);
  first.abort(new Error('too late'));
  room.enter('push', channels[1]);
  expect([await taken, await waiting]).toEqual(channels);
});

test('a channel that comes after the close is dropped', async () => {
  const room = new WaitingRoom();
  room.close();
  const channel = new MemoryChannel();
  room.enter('push', channel);
  expect(await isDestroyed(channel)).toBe(true);
  await expect(room.take('push')).rejects.toMatchObject({ code: 'BROKEN' });
});
