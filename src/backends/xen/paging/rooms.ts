/** Where pages are handed over to Xen: a little room for what is needed at once, and a larger one for batches. */
import type { PagingOps, PagingRoom } from '../../../native/index.js';
import { BackendError } from '../../backend.js';
import type { Libraries } from '../libs/libraries.js';
import { xenOps } from '../libs/xenforeignmemory.js';

/** tools/include/xencall.h, in the order of {@link PagingOps.pagingRoom}. */
const FUNCTIONS = [
  'xencall_open',
  'xencall_close',
  'xencall2',
  'xencall_alloc_buffer_pages',
  'xencall_free_buffer_pages',
];

/** Pages that are loaded in less time than a step to a thread and back takes; a vCPU waits for one of them. */
export const AT_ONCE = 4;
const BATCH = 32;

/** Rooms of this process that have not been freed. */
export const pagingRoomsOpen = (): number => xenOps().pagingRoomsOpen();

export class Rooms {
  readonly now: PagingRoom;
  readonly later: PagingRoom;

  /** @throws BackendError NO_MEMORY; NOT_SUPPORTED where there is no libxencall */
  constructor(
    libraries: Libraries,
    private readonly ops: PagingOps,
  ) {
    const library = libraries.get('libxencall');
    const [open, close, call2, alloc, free] = FUNCTIONS.map((name) => library.address(name));
    const room = (pages: number): PagingRoom | undefined =>
      // One page for what is asked of Xen, and one for each page's contents.
      ops.pagingRoom(open, close, call2, alloc, free, 1 + pages);
    const now = room(AT_ONCE);
    const later = now && room(BATCH);
    if (now && !later) ops.pagingRoomClose(now);
    if (!now || !later) throw new BackendError('NO_MEMORY', 'dom0 has no memory through which pages could be loaded');
    this.now = now;
    this.later = later;
  }

  close(): void {
    this.ops.pagingRoomClose(this.now);
    this.ops.pagingRoomClose(this.later);
  }
}
