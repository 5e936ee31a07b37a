import { RecordWriter, RecordType as T } from '../../../src/migrate/stream/index.js';
import { concat, MemoryChannel } from '../../support/memory-channel.js';
import { hvmStream, page, u32, u64, XEN_4_17 } from '../../support/streams.js';
import { testWithVerifier, verifyStream } from '../../support/verify-stream.js';

const vcpu = (bytes: number): Uint8Array => new Uint8Array(8 + bytes);
const tsc = concat([u32(1), u32(2_000_000), u64(77), u32(1), u32(0)]);

async function written(write: (writer: RecordWriter) => Promise<void>): Promise<Uint8Array> {
  const channel = new MemoryChannel();
  await write(new RecordWriter(channel));
  return channel.written();
}

async function writeHvm(writer: RecordWriter): Promise<void> {
  await writer.header('hvm', XEN_4_17);
  await writer.record(T.X86_CPUID_POLICY, new Uint8Array(48));
  await writer.record(T.X86_MSR_POLICY, new Uint8Array(16));
  await writer.record(T.STATIC_DATA_END);
  await writer.pageData(Uint32Array.of(0, 1, 2), Uint8Array.of(0, 0xe, 0xf), [page(1)]);
  await writer.pageData(Uint32Array.of(3), Uint8Array.of(0xe), []);
  await writer.record(T.X86_TSC_INFO, tsc);
  await writer.record(T.HVM_CONTEXT, new Uint8Array(13));
  await writer.record(T.HVM_PARAMS, concat([u32(1), u32(0), u64(27), u64(5)]));
  await writer.end();
}

async function writePv(writer: RecordWriter): Promise<void> {
  await writer.header('pv', XEN_4_17);
  await writer.record(T.X86_PV_INFO, Uint8Array.of(8, 4, 0, 0, 0, 0, 0, 0));
  await writer.record(T.STATIC_DATA_END);
  await writer.record(T.X86_PV_P2M_FRAMES, concat([u32(0), u32(511), u64(7)]));
  const types = Uint8Array.of(0, 1, 2, 3, 4, 9, 10, 11, 12, 13, 14, 15);
  await writer.pageData(
    Uint32Array.from(types, (_, i) => i),
    types,
    Array.from({ length: 9 }, (_, i) => page(i)),
  );
  await writer.record(T.X86_TSC_INFO, tsc);
  await writer.record(T.SHARED_INFO, page(9));
  await writer.record(T.X86_PV_VCPU_BASIC, vcpu(5168));
  await writer.record(T.X86_PV_VCPU_EXTENDED, vcpu(128));
  await writer.record(T.X86_PV_VCPU_XSAVE, vcpu(1));
  await writer.record(T.X86_PV_VCPU_MSRS, vcpu(0));
  await writer.end();
}

testWithVerifier('Xen’s verifier accepts our HVM stream', async () => {
  const { ok, text } = verifyStream(await written(writeHvm));
  expect(text).toContain('Libxc Record: HVM params, length 24');
  expect(text).toContain('Libxc Record: End, length 0');
  expect(ok).toBe(true);
});

testWithVerifier('and our PV stream, with every type of page', async () => {
  const { ok, text } = verifyStream(await written(writePv));
  expect(text).toContain('64bit guest, 4 levels of pagetables');
  expect(ok).toBe(true);
});

testWithVerifier('and the stream by hand that our other tests build on', async () => {
  expect(verifyStream(hvmStream())).toMatchObject({ ok: true });
});

/** Where things are in writeHvm's stream. */
const POLICY = 40;
const FIRST_PAGES = POLICY + 56 + 24 + 8;

testWithVerifier('and refuses it when it is damaged', async () => {
  const good = await written(writeHvm);
  const mutants: Record<string, Uint8Array> = {
    marker: good.with(0, 0),
    version: good.with(15, 4),
    'page shift': good.with(28, 13),
    'record type': good.with(POLICY, 0x7f),
    'policy length': good.with(POLICY + 4, 47),
    'page count': good.with(FIRST_PAGES + 8, 2),
    'page type': good.with(FIRST_PAGES + 16 + 7, 0x50),
    'page type without data': good.with(FIRST_PAGES + 16 + 7, 0xf0),
    'reserved bit': good.with(FIRST_PAGES + 16 + 6, 0x10),
    padding: good.with(good.length - 8 - 32 - 1, 1),
    'no END': good.subarray(0, -8),
    'a byte short': good.subarray(0, -1),
  };
  const accepted = Object.entries(mutants).filter(([, stream]) => verifyStream(stream).ok);
  expect(accepted.map(([name]) => name)).toEqual([]);
});

testWithVerifier('and does not know our own records: a TSMC stream is not taken for a plain one', async () => {
  const stream = await written(async (writer) => {
    await writer.header('hvm', XEN_4_17);
    await writer.record(T.CAPABILITIES, new Uint8Array(72));
    await writer.record(T.STATIC_DATA_END);
    await writer.end();
  });
  expect(verifyStream(stream)).toMatchObject({ ok: false, text: expect.stringContaining('0x58460001') });
});
