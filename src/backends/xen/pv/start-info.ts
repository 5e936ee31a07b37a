/** start_info at the destination: the guest finds its rings and its new shared_info by it when it wakes. */
import { PAGE_SHIFT } from '../../backend.js';
import { StartInfo } from './layout.js';

export interface NewStartInfo {
  readonly nrPfns: number;
  readonly sharedInfoFrame: bigint;
  readonly storePort: number;
  readonly consolePort: number;
}

export interface Rings {
  readonly store: bigint;
  readonly console: bigint;
}

/** Rewrites the page; returns the mfns of the rings, which the guest left as pfns when it suspended. */
export function renewStartInfo(
  page: Uint8Array,
  renewed: NewStartInfo,
  toMfn: (pfn: bigint, what: string) => bigint,
): Rings {
  const view = new DataView(page.buffer, page.byteOffset, page.byteLength);
  const store = toMfn(view.getBigUint64(StartInfo.STORE_MFN, true), 'the xenstore ring');
  const console = toMfn(view.getBigUint64(StartInfo.CONSOLE_MFN, true), 'the console ring');
  view.setBigUint64(StartInfo.STORE_MFN, store, true);
  view.setUint32(StartInfo.STORE_EVTCHN, renewed.storePort, true);
  view.setBigUint64(StartInfo.CONSOLE_MFN, console, true);
  view.setUint32(StartInfo.CONSOLE_EVTCHN, renewed.consolePort, true);
  view.setBigUint64(StartInfo.NR_PAGES, BigInt(renewed.nrPfns), true);
  view.setBigUint64(StartInfo.SHARED_INFO, renewed.sharedInfoFrame << BigInt(PAGE_SHIFT), true);
  view.setUint32(StartInfo.FLAGS, 0, true);
  return { store, console };
}
