/** Of a PV domain, which keeps the table of its pages itself: Xen can take none from it unseen. */
import { BackendError, type DemandPaging } from '../../backend.js';

async function refused(domid: number): Promise<never> {
  throw new BackendError('NOT_SUPPORTED', `domain ${domid} is a PV domain, whose pages cannot be taken out unseen`, {
    domid,
    remedy: 'migrate it by precopy, or make it a PVH domain (type="pvh")',
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
