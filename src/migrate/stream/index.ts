/** The migration stream: Xen's v2 format and the records that xenferry adds. Format and conversation: docs/stream.md. */
export { type Analysis, analyse, type RecordSummary } from './analyse.js';
export { MAX_NOTE, MAX_REASON, MAX_REQUESTS } from './bounds.js';
export { ACCEPTED, type Direction } from './conversation.js';
export { STREAM_ERROR_CODES, StreamError, type StreamErrorCode } from './errors.js';
export { MAX_GFNS, MAX_PAGES_READ, MAX_PAGES_WRITTEN, MAX_RECORD, RecordType, recordName } from './format.js';
export { checkOrigin, type StreamHeader } from './header.js';
export { STATIC_DATA, StreamOrder } from './order.js';
export { type PageBatch, pageBatches } from './pages.js';
export { isDisconnect, type Limits, type RecordHeader, RecordReader } from './reader.js';
export * from './records/index.js';
export { RecordWriter } from './writer.js';
