/**
 * Xen's migration stream v2 in numbers (docs/specs/libxc-migration-stream.pandoc and tools/libs/guest/xg_sr_stream_format.h
 * of Xen 4.17), and our own records. Layouts with pictures: docs/stream.md.
 */
import { PAGE_SIZE, PageType, StateRecordType } from '../../backends/backend.js';

export const IMAGE_HEADER_SIZE = 24;
export const DOMAIN_HEADER_SIZE = 16;
export const RECORD_HEADER_SIZE = 8;
/** Every record begins at a multiple of this. */
const RECORD_ALIGN = 8;

export const STREAM_ID = 0x58454e46; // "XENF"
/** The version we write. Version 2 (Xen ≤ 4.13, no static data) is read too. */
export const STREAM_VERSION = 3;
export const OLDEST_STREAM_VERSION = 2;

/** No record of a stream may be longer: REC_LENGTH_MAX of Xen's xg_sr_common.h. */
export const MAX_RECORD = 128 << 20;
/** Pages in a PAGE_DATA that we write: Xen's own batch, and the contract's. */
export const MAX_PAGES_WRITTEN = 1024;
/**
 * Pages in a PAGE_DATA that we read: as many as 128 MiB hold with their data. A record of bare types could name more
 * by the spec; no writer does so, and this bounds what a hostile count makes us allocate to 416 KiB.
 */
export const MAX_PAGES_READ = Math.floor((MAX_RECORD - 8) / (PAGE_SIZE + 8));
/** Length of a domain in gfns that fits our bitmap records: 4 TiB of guest-physical addresses. */
export const MAX_GFNS = 2 ** 30 - 64;

/** Set in the type of a record that a reader who does not know it may skip. */
const OPTIONAL = 0x80000000;

export const RecordType = {
  END: 0x0,
  PAGE_DATA: 0x1,
  ...StateRecordType,
  TOOLSTACK: 0xb,
  VERIFY: 0xd,
  CHECKPOINT: 0xe,
  CHECKPOINT_DIRTY_PFN_LIST: 0xf,
  STATIC_DATA_END: 0x10,

  // Ours: mandatory (bit 31 clear), and far from what Xen numbers from 0 up ("XF" in ASCII).
  /** In the stream. First of a stream that may end in stage 3: who we are, and how to reach the source. */
  CAPABILITIES: 0x58460001,
  /** In the stream: gfns that the destination may take out now, since the source will have newer contents. */
  EVICT_AHEAD: 0x58460002,
  /** In the stream: the gfns that will be missing when the guest resumes. */
  DIRTY_BITMAP: 0x58460003,
  /** In the stream: no more pages here; the missing ones come by the way back. END follows. */
  STAGE3: 0x58460004,

  // On the way back (control, push, urgent).
  /** First on each connection, from the destination. */
  HELLO: 0x58460010,
  /** Destination: everything is restored, the domain is paused. */
  READY: 0x58460011,
  /** Source: the verdict is yes. The point of no return. */
  GO: 0x58460012,
  /** Destination: the domain runs. */
  RUNNING: 0x58460013,
  /** Either: the migration is off; the source runs on. Also the verdict no. */
  ABORT: 0x58460014,
  /** Destination, on a new connection: I was ready and lost you; what was the verdict? */
  VERDICT_REQUEST: 0x58460015,
  /** Destination, first after HELLO on a push connection: these gfns are still missing here. */
  MISSING_BITMAP: 0x58460016,
  /** Destination, urgent: vCPUs wait for these. */
  REQUEST: 0x58460017,
  /** Destination on push: nothing is missing here, with what stage 3 was like; answered with the same, empty. */
  DONE: 0x58460018,
  /** Control. Source: say so when you have taken in the stream to this offset. Destination: I have. */
  SYNC: 0x58460019,
  /** Destination on push: a PAGE_DATA has been applied; what the push paces itself by. */
  TAKEN: 0x5846001a,
  /** Source on push, before its DONE: which pages the guest needed first, for whoever moves it next. */
  RECORDED_SET: 0x5846001b,
} as const;

const NAMES = new Map<number, string>(Object.entries(RecordType).map(([name, type]) => [type, name]));

/** A record type's name, or its number in hex where it has none. */
export function recordName(type: number): string {
  return NAMES.get(type) ?? `0x${type.toString(16)}`;
}

export function isOptional(type: number): boolean {
  return type >= OPTIONAL;
}

/** Length of a body with its padding. */
export function padded(length: number): number {
  return Math.ceil(length / RECORD_ALIGN) * RECORD_ALIGN;
}

/** Whether pages of this type travel with their contents. */
export function carriesData(type: number): boolean {
  return type < PageType.BROKEN;
}
