/** Memory paging is not driven by this version; every call says so. */
import { BackendError, type DemandPaging } from '../../backend.js';

async function refused(domid: number): Promise<never> {
  throw new BackendError('NOT_SUPPORTED', `domain ${domid}: this version has no post-copy on Xen`, {
    domid,
    remedy: 'migrate by precopy; the emulated backend has post-copy',
  });
}

export class NoDemandPaging implements DemandPaging {
  constructor(private readonly domid: number) {}

  enable(): Promise<void> {
    return refused(this.domid);
  }

  evict(): Promise<Int32Array> {
    return refused(this.domid);
  }

  load(): Promise<Int32Array> {
    return refused(this.domid);
  }

  disable(): Promise<void> {
    return refused(this.domid);
  }
}
