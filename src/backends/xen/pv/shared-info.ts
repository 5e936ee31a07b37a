/** shared_info at the destination: what the guest brings along, and what starts anew with its event channels. */
import { SharedInfo } from './layout.js';

/** `saved` into `page`, the shared_info of the new domain; what Xen keeps there itself, as the wall clock, stays. */
export function mergeSharedInfo(page: Uint8Array, saved: Uint8Array): void {
  const { VCPU_INFO, VCPU_INFO_BYTES, VCPUS, PENDING_SELECTOR, EVTCHN_PENDING, EVTCHN_MASK, EVTCHN_BYTES } = SharedInfo;
  copy(page, saved, VCPU_INFO, VCPUS * VCPU_INFO_BYTES);
  copy(page, saved, SharedInfo.ARCH, SharedInfo.ARCH_BYTES);
  // The guest's P2M lies in other frames now: it says anew where, when it wakes.
  page.fill(0, SharedInfo.FRAME_LIST_LIST, SharedInfo.FRAME_LIST_LIST + 8);
  page.fill(0, EVTCHN_PENDING, EVTCHN_PENDING + EVTCHN_BYTES);
  page.fill(0xff, EVTCHN_MASK, EVTCHN_MASK + EVTCHN_BYTES);
  for (let vcpu = 0; vcpu < VCPUS; vcpu++) {
    const selector = VCPU_INFO + vcpu * VCPU_INFO_BYTES + PENDING_SELECTOR;
    page.fill(0, selector, selector + 8);
  }
}

function copy(to: Uint8Array, from: Uint8Array, offset: number, bytes: number): void {
  to.set(from.subarray(offset, offset + bytes), offset);
}

/** Where a guest says that its P2M is. */
export interface P2mPlace {
  /** Pfns that the P2M has. */
  readonly nrPfns: number;
  readonly cr3: bigint;
  readonly vaddr: bigint;
  readonly frameListList: bigint;
  readonly generation: bigint;
}

export function p2mPlace(page: Uint8Array): P2mPlace {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const at = (offset: number): bigint => view.getBigUint64(offset, true);
  return {
    nrPfns: Number(at(SharedInfo.MAX_PFN)),
    cr3: at(SharedInfo.P2M_CR3),
    vaddr: at(SharedInfo.P2M_VADDR),
    frameListList: at(SharedInfo.FRAME_LIST_LIST),
    generation: at(SharedInfo.P2M_GENERATION),
  };
}
