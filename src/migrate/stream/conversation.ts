/** Which records each side of each way back may get. Anything else is BAD_ORDER before its body is read. */
import type { Purpose } from '../io/channel.js';
import { RecordType as T } from './format.js';

/** Who reads. */
export type Direction = 'source' | 'destination';

export const ACCEPTED: Readonly<Record<Purpose, Readonly<Record<Direction, ReadonlySet<number>>>>> = {
  control: {
    source: new Set([T.HELLO, T.SYNC, T.READY, T.VERDICT_REQUEST, T.RUNNING, T.ABORT]),
    destination: new Set([T.SYNC, T.GO, T.ABORT]),
  },
  push: {
    source: new Set([T.HELLO, T.MISSING_BITMAP, T.TAKEN, T.DONE]),
    destination: new Set([T.PAGE_DATA, T.RECORDED_SET, T.DONE]),
  },
  urgent: {
    source: new Set([T.HELLO, T.REQUEST]),
    destination: new Set([T.PAGE_DATA]),
  },
};
