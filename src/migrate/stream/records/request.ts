import { StreamError } from '../errors.js';

const ENTRY_SIZE = 16;

/**
 * One entry of REQUEST, u32 each, and u32 0: a page that is waited for, and a window [first, first + count) of pages that are
 * welcome with it if they have not been sent yet. count 0: the page alone. The page need not lie in the window.
 */
export interface PageRequest {
  readonly wanted: number;
  readonly first: number;
  readonly count: number;
}

export function encodeRequests(requests: readonly PageRequest[]): Uint8Array {
  const body = new Uint8Array(ENTRY_SIZE * requests.length);
  const view = new DataView(body.buffer);
  requests.forEach(({ wanted, first, count }, i) => {
    view.setUint32(ENTRY_SIZE * i, wanted, true);
    view.setUint32(ENTRY_SIZE * i + 4, first, true);
    view.setUint32(ENTRY_SIZE * i + 8, count, true);
  });
  return body;
}

/**
 * @param nrGfns of the domain; a request beyond it is refused
 * @throws StreamError BAD_LENGTH, BAD_PFN, BAD_RESERVED
 */
export function decodeRequests(body: Uint8Array, nrGfns: number, offset: number): PageRequest[] {
  if (body.length % ENTRY_SIZE !== 0) throw new StreamError('BAD_LENGTH', 'REQUEST ends within an entry', offset);
  const view = new DataView(body.buffer, body.byteOffset, body.length);
  return Array.from({ length: body.length / ENTRY_SIZE }, (_, i) => {
    const at = ENTRY_SIZE * i;
    const wanted = view.getUint32(at, true);
    const first = view.getUint32(at + 4, true);
    const count = view.getUint32(at + 8, true);
    if (wanted >= nrGfns || first + count > nrGfns) {
      const found = `REQUEST for gfn ${wanted} and ${count} from ${first} of a domain of ${nrGfns}`;
      throw new StreamError('BAD_PFN', found, offset);
    }
    if (view.getUint32(at + 12, true) !== 0) throw new StreamError('BAD_RESERVED', 'REQUEST has reserved bits', offset);
    return { wanted, first, count };
  });
}
