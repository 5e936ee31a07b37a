import { RecordType, RecordWriter } from '../../../src/migrate/stream/index.js';
import { concat, MemoryChannel } from '../../support/memory-channel.js';
import { HVM_HEADER, page, rawPages, rawRecord, STATIC_DATA_END, XEN_4_17 } from '../../support/streams.js';

/** A writer that may write pages. */
async function opened(): Promise<{ channel: MemoryChannel; writer: RecordWriter; start: number }> {
  const channel = new MemoryChannel();
  const writer = new RecordWriter(channel);
  await writer.header('hvm', XEN_4_17);
  await writer.record(RecordType.STATIC_DATA_END);
  return { channel, writer, start: channel.bytesWritten };
}

const one = Uint32Array.of(1);
const ram = Uint8Array.of(0);

test.each<[string, Uint32Array, Uint8Array, Uint8Array[], string]>([
  ['no page', new Uint32Array(0), new Uint8Array(0), [], 'BAD_COUNT'],
  ['1025 pages', new Uint32Array(1025), new Uint8Array(1025).fill(0xf), [], 'BAD_COUNT'],
  ['a type too few', Uint32Array.of(1, 2), ram, [page(1)], 'BAD_COUNT'],
  ['a page with no data', one, ram, [], 'BAD_LENGTH'],
  ['a byte too few', one, ram, [page(1).subarray(1)], 'BAD_LENGTH'],
  ['a page too many', one, ram, [page(1), page(2)], 'BAD_LENGTH'],
  ['data for a hole', one, Uint8Array.of(0xf), [page(1)], 'BAD_LENGTH'],
  ['a type that does not exist', one, Uint8Array.of(5), [page(1)], 'BAD_PFN'],
  ['a gfn that marks a missing page', Uint32Array.of(0xffffffff), ram, [page(1)], 'BAD_PFN'],
])('PAGE_DATA with %s cannot be written', async (_, gfns, types, data, code) => {
  const { channel, writer, start } = await opened();
  await expect(writer.pageData(gfns, types, data)).rejects.toMatchObject({ name: 'StreamError', code });
  expect(channel.bytesWritten).toBe(start);
});

test.each<[string, number, Uint8Array, string]>([
  ['TSC_INFO that is short', RecordType.X86_TSC_INFO, new Uint8Array(23), 'BAD_LENGTH'],
  ['HVM_CONTEXT that is long', RecordType.HVM_CONTEXT, new Uint8Array((8 << 20) + 1), 'TOO_LARGE'],
  ['PAGE_DATA as a plain record', RecordType.PAGE_DATA, new Uint8Array(24), 'UNKNOWN_RECORD'],
  ['a type that nobody knows', 0x13, new Uint8Array(0), 'UNKNOWN_RECORD'],
  ['CHECKPOINT', RecordType.CHECKPOINT, new Uint8Array(0), 'UNKNOWN_RECORD'],
  ['a second STATIC_DATA_END', RecordType.STATIC_DATA_END, new Uint8Array(0), 'BAD_ORDER'],
  ['STAGE3 with no bitmap before it', RecordType.STAGE3, new Uint8Array(0), 'BAD_ORDER'],
])('%s cannot be written', async (_, type, body, code) => {
  const { channel, writer, start } = await opened();
  await expect(writer.record(type, body)).rejects.toMatchObject({ name: 'StreamError', code });
  expect(channel.bytesWritten).toBe(start);
});

test('page data goes to the channel as it was given, not copied', async () => {
  const { channel, writer } = await opened();
  const data = [page(1), page(2)];
  const write = jest.spyOn(channel, 'write');
  await writer.pageData(Uint32Array.of(1, 2), Uint8Array.of(0, 0), data);
  const chunks = write.mock.calls[0][0];
  expect(chunks).toHaveLength(3);
  expect(chunks[1]).toBe(data[0]);
  expect(chunks[2]).toBe(data[1]);
});

test('records that are not awaited keep their order, their gfns, and heads of their own', async () => {
  const { channel, writer } = await opened();
  channel.hold();
  const gfns = new Uint32Array(1);
  const writes = [0, 1, 2, 3, 4, 5].map((gfn) => {
    gfns[0] = gfn; // changed at once for the next record
    return writer.pageData(gfns, ram, [page(gfn)]);
  });
  let resolved = false;
  const all = Promise.all(writes).then(() => {
    resolved = true;
  });
  await new Promise(setImmediate);
  expect(resolved).toBe(false); // back-pressure
  channel.release();
  await all;
  const expected = [0, 1, 2, 3, 4, 5].map((gfn) => rawPages([BigInt(gfn)], [page(gfn)]));
  expect(channel.written()).toEqual(concat([HVM_HEADER, STATIC_DATA_END, ...expected]));
});

test('a failed channel fails the write', async () => {
  const { channel, writer } = await opened();
  channel.destroy();
  await expect(writer.pageData(one, ram, [page(1)])).rejects.toMatchObject({ name: 'ChannelError', code: 'BROKEN' });
});

test('records of the way back need no header and are padded', async () => {
  const channel = new MemoryChannel();
  const writer = new RecordWriter(channel);
  await writer.record(RecordType.ABORT, [Uint8Array.of(1, 2), Uint8Array.of(3)]);
  expect(channel.written()).toEqual(rawRecord(RecordType.ABORT, Uint8Array.of(1, 2, 3)));
  expect(writer.bytesWritten).toBe(16);
});
