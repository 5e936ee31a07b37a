/** The page through which Xen asks for missing pages and hears that they are there (xen/include/public/vm_event.h). */
import type { PagingOps } from '../../../native/index.js';
import type { Mapping } from '../../backend.js';
import { VmEvent } from '../libs/abi.js';

export interface PagingRequest {
  readonly gfn: number;
  readonly vcpu: number;
  /** To be given back as they came. */
  readonly flags: number;
  readonly dropped: boolean;
}

const FIELDS = 6;
/** More than there are slots. */
const MOST = 64;
const WORD = 2 ** 32;

export class PagingRing {
  private taken = 0;
  private answered = 0;
  private readonly room = new Uint32Array(FIELDS * MOST);

  constructor(
    private readonly ops: PagingOps,
    private readonly mapping: Mapping,
    private readonly layout: { readonly version: number; readonly bytes: number },
  ) {
    ops.ringInit(mapping.base, layout.bytes);
  }

  /** What Xen has asked for since the last time. */
  take(): PagingRequest[] {
    const requests: PagingRequest[] = [];
    for (;;) {
      const count = this.ops.ringTake(this.mapping.base, this.layout.bytes, this.taken, this.room);
      if (count === 0) return requests;
      this.taken = (this.taken + count) % WORD;
      for (let i = 0; i < count; i++) requests.push(requestOf(this.room.subarray(i * FIELDS, (i + 1) * FIELDS)));
    }
  }

  /** Every request must be answered: there are few slots, and what finds none waits. Xen drops an answer without its version. */
  answer({ gfn, vcpu, flags }: PagingRequest): void {
    const { version, bytes } = this.layout;
    const reason = VmEvent.REASON_MEM_PAGING;
    this.ops.ringAnswer(this.mapping.base, bytes, this.answered, [
      ...([version, reason, flags & VmEvent.FLAG_VCPU_PAUSED, vcpu, gfn] as const),
    ]);
    this.answered = (this.answered + 1) % WORD;
  }

  close(): void {
    this.mapping.unmap();
  }
}

function requestOf([, flags, , vcpu, gfn, pageFlags]: Uint32Array): PagingRequest {
  return { gfn, vcpu, flags, dropped: (pageFlags & VmEvent.DROP_PAGE) !== 0 };
}
