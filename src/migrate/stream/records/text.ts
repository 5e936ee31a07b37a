import { MAX_REASON } from '../bounds.js';
import { StreamError } from '../errors.js';

/** C0, DEL, C1 and the like: a peer's text goes to an operator's terminal. */
const CONTROL = /\p{Cc}|\p{Cf}/gu;

export function encodeText(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** @throws StreamError BAD_FIELD if it is not UTF-8 */
export function decodeText(body: Uint8Array, offset: number): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body);
  } catch (error) {
    throw new StreamError('BAD_FIELD', 'A text is not UTF-8', offset, error);
  }
}

/** Body of ABORT; cut, at a character, to what fits. */
export function encodeReason(reason: string): Uint8Array {
  const body = new Uint8Array(MAX_REASON);
  return body.subarray(0, new TextEncoder().encodeInto(reason, body).written);
}

/** Fit to be printed: control characters become U+FFFD. */
export function decodeReason(body: Uint8Array, offset: number): string {
  return decodeText(body, offset).replace(CONTROL, '\ufffd');
}
