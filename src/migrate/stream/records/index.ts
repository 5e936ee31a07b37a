/** Bodies of our own records. Layouts: docs/stream.md. */
export { decodeBitmap, encodeBitmap } from './bitmap.js';
export {
  decodeCapabilities,
  encodeCapabilities,
  Feature,
  MIGRATION_ID_SIZE,
  PROTOCOL_VERSION,
  type StreamCapabilities,
  TOKEN_SIZE,
} from './capabilities.js';
export { decodeHello, encodeHello, type Hello } from './hello.js';
export { decodeRecordedSet, encodeRecordedSet, MAX_RECORDED_SET } from './recorded-set.js';
export { decodeRequests, encodeRequests, type PageRequest } from './request.js';
export { decodeSync, encodeSync } from './sync.js';
export { decodeTaken, encodeTaken } from './taken.js';
export { decodeReason, decodeText, encodeReason, encodeText } from './text.js';
