import { analyse } from '../../../src/migrate/stream/index.js';
import { concat, MemoryChannel } from '../../support/memory-channel.js';
import {
  END,
  HVM_HEADER,
  hvmStream,
  page,
  rawPages,
  rawRecord,
  STATIC_DATA_END,
  XEN_4_17,
} from '../../support/streams.js';

test('a good stream is summed up', async () => {
  const stream = hvmStream();
  const analysis = await analyse(new MemoryChannel(concat([stream, page(0)])));
  expect(analysis).toEqual({
    header: { guestType: 'hvm', version: 3, xen: XEN_4_17 },
    records: {
      X86_CPUID_POLICY: { count: 1, bytes: 24 },
      X86_MSR_POLICY: { count: 1, bytes: 16 },
      STATIC_DATA_END: { count: 1, bytes: 0 },
      PAGE_DATA: { count: 2, bytes: 8 + 4 * 8 + 2 * 4096 + 8 + 8 },
      X86_TSC_INFO: { count: 1, bytes: 24 },
      HVM_CONTEXT: { count: 1, bytes: 3 },
      HVM_PARAMS: { count: 1, bytes: 24 },
      END: { count: 1, bytes: 0 },
    },
    pages: { NOTAB: 2, XALLOC: 2, XTAB: 1 },
    dataPages: 2,
    bytes: stream.length,
    complete: true,
    error: undefined,
  });
});

test('a bad stream is summed up to where it is bad', async () => {
  const good = concat([HVM_HEADER, STATIC_DATA_END, rawPages([7n], [page(7)])]);
  const analysis = await analyse(new MemoryChannel(concat([good, rawRecord(0x13), END])));
  expect(analysis).toMatchObject({
    records: { PAGE_DATA: { count: 1 } },
    dataPages: 1,
    complete: false,
    error: { code: 'UNKNOWN_RECORD', offset: good.length },
  });
});

test('optional records are counted too', async () => {
  const stream = concat([HVM_HEADER, STATIC_DATA_END, rawRecord(0x80000001, page(1)), END]);
  const analysis = await analyse(new MemoryChannel(stream));
  expect(analysis.records['0x80000001']).toEqual({ count: 1, bytes: 4096 });
  expect(analysis.complete).toBe(true);
});

test('what is no stream at all has no header', async () => {
  const analysis = await analyse(new MemoryChannel(page(0)));
  expect(analysis).toMatchObject({ header: undefined, records: {}, error: { code: 'BAD_MAGIC', offset: 0 } });
});

test('a channel that fails is not a bad stream', async () => {
  const channel = new MemoryChannel(hvmStream());
  channel.destroy();
  await expect(analyse(channel)).rejects.toMatchObject({ name: 'ChannelError' });
});
