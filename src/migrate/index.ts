/** The migration engine: strategies, the stream, the handover and the pager, above the backend contract. */
export * from './errors.js';
export * from './io/channel.js';
export * from './io/clock.js';
export * from './options.js';
export type { Stage3Progress } from './receive/pager.js';
export { type Received, receiveDomain } from './receive/receive.js';
export type { PageRun, RecordedSet } from './recorded-set.js';
export * from './report.js';
export { sendDomain } from './send/send.js';
export type { Stage3Note } from './stage3-note.js';
export {
  decodeRecordedSet,
  encodeRecordedSet,
  MAX_RECORDED_SET,
  STREAM_ERROR_CODES,
  StreamError,
  type StreamErrorCode,
} from './stream/index.js';
