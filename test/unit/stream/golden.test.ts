import { RecordReader, RecordType, RecordWriter } from '../../../src/migrate/stream/index.js';
import { concat, MemoryChannel } from '../../support/memory-channel.js';
import { hex, page, XEN_4_17 } from '../../support/streams.js';

/** A small stream, byte by byte from libxc-migration-stream.pandoc. */
const GOLDEN = concat([
  hex(
    `
    ffffffffffffffff  58454e46 00000003  0000 000000000000     image header, big-endian
    01000000 0c00 0000  04000000 11000000                      domain header: PV, 4 KiB pages, Xen 4.17
    02000000 08000000   08 04 0000 00000000                    X86_PV_INFO: 8 bytes wide, 4 levels
    10000000 00000000                                          STATIC_DATA_END
    01000000 20200000   03000000 00000000                      PAGE_DATA, 0x2020 bytes, 3 pages
    34120000 00000090   ffff0000 000000e0   01000000 00000000  L1TAB pinned, XALLOC, NOTAB
  `.replace(/ {3,}[A-Z][^\n]*|image header[^\n]*|domain header[^\n]*/g, ''),
  ),
  page(0x11),
  page(0x22),
  hex(`
    04000000 0b000000   00000000 00000000 aabbcc 0000000000
    00000000 00000000
  `),
]);

async function writeGolden(writer: RecordWriter): Promise<void> {
  await writer.header('pv', XEN_4_17);
  await writer.record(RecordType.X86_PV_INFO, hex('08 04 0000 00000000'));
  await writer.record(RecordType.STATIC_DATA_END);
  await writer.pageData(Uint32Array.of(0x1234, 0xffff, 1), Uint8Array.of(9, 0xe, 0), [page(0x11), page(0x22)]);
  await writer.record(RecordType.X86_PV_VCPU_BASIC, [new Uint8Array(8), hex('aabbcc')]);
  await writer.end();
}

test('what we write is the stream of the specification, byte for byte', async () => {
  const channel = new MemoryChannel();
  await writeGolden(new RecordWriter(channel));
  expect(Buffer.from(channel.written()).toString('hex')).toBe(Buffer.from(GOLDEN).toString('hex'));
});

test('what the specification says is what we read', async () => {
  const reader = new RecordReader(new MemoryChannel(GOLDEN));
  expect(await reader.readHeader()).toEqual({ guestType: 'pv', version: 3, xen: XEN_4_17 });
  await reader.expect(RecordType.X86_PV_INFO);
  expect(await reader.readBody()).toEqual(hex('08 04 0000 00000000'));
  await reader.expect(RecordType.STATIC_DATA_END);
  await reader.expect(RecordType.PAGE_DATA);
  expect(await reader.readPageHeader()).toEqual({
    gfns: Uint32Array.of(0x1234, 0xffff, 1),
    types: Uint8Array.of(9, 0xe, 0),
    dataPages: 2,
  });
  const contents = new Uint8Array(8192);
  await reader.readPages(contents.subarray(0, 4096));
  await reader.readPages(contents.subarray(4096));
  expect(contents).toEqual(concat([page(0x11), page(0x22)]));
  await reader.expect(RecordType.X86_PV_VCPU_BASIC);
  expect(await reader.readBody()).toEqual(hex('0000000000000000 aabbcc'));
  await reader.expect(RecordType.END);
  expect(reader.offset).toBe(GOLDEN.length);
});
