/**
 * Xen's memory paging (xen/arch/x86/mm/mem_paging.c, tools/xenpaging): pages of a PVH or HVM domain that are taken out, and brought
 * back when the guest touches them. Who enables it must live as long as pages are missing: with it dies the guest's way to them.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { pageOps } from '../../../native/index.js';
import {
  type BackendError,
  type BackendErrorCode,
  type DemandPaging,
  Errno,
  type ForeignMemory,
  type Mapping,
  type PageFault,
  PageType,
} from '../../backend.js';
import { checkBatch } from '../batch.js';
import { HvmParam } from '../hvm-params.js';
import { vmEventLayout } from '../libs/abi.js';
import { xenError } from '../libs/errors.js';
import { EventChannel } from '../libs/xenevtchn.js';
import { xenOps } from '../libs/xenforeignmemory.js';
import { MAX_GFNS } from '../limits.js';
import { readParams, writeParams } from '../params.js';
import type { Session } from '../session.js';
import type { PagesOut } from './pages-out.js';
import { type PagingRequest, PagingRing } from './ring.js';
import { AT_ONCE, Rooms } from './rooms.js';

/** Where every domain builder puts the ring's page; its parameter comes only with the platform state, which is later. */
const RING_GFN = 0xfeff8;

const MOST_TRIES = 50;
const RETRY_MS = 100;

const ENODEV = 19;
const EXDEV = 18;
const EMLINK = 31;

/** What vm_event_domctl says (xen/common/vm_event.c, xen/arch/x86/mm/mem_paging.c), and what to do. */
const WHY_NOT: Readonly<Record<number, string>> = {
  [Errno.ENOSYS]:
    'this Xen was built without MEM_PAGING: use one built with CONFIG_MEM_PAGING=y, or migrate by precopy',
  [Errno.EOPNOTSUPP]: 'it needs a PVH or HVM domain and a PV dom0: migrate by precopy',
  [ENODEV]: 'it needs hardware-assisted paging (HAP), which this domain does not have: migrate by precopy',
  [EMLINK]: 'the domain uses an IOMMU (a PCI device was passed through): take the device out, or migrate by precopy',
  [EXDEV]: 'the domain populates on demand (memory below maxmem): set maxmem to memory, or migrate by precopy',
};

interface Open {
  readonly ring: PagingRing;
  readonly channel: EventChannel;
  readonly rooms: Rooms;
  readonly onFault: (fault: PageFault) => void;
  readonly forget: () => void;
}

export class XenDemandPaging implements DemandPaging {
  private open: Open | undefined;
  private readonly waiting = new Map<number, PagingRequest[]>();

  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private readonly memory: ForeignMemory,
    private readonly out: PagesOut,
  ) {}

  async enable(onFault: (fault: PageFault) => void): Promise<void> {
    const { maxPages } = this.session.domain(this.domid);
    if (this.open) throw this.failed('its paging is on already', Errno.EBUSY);
    this.out.makeRoom(maxPages);
    const gfn = Uint32Array.of(this.ringGfn());
    const { libraries, ops } = this.session;
    const rooms = new Rooms(libraries, ops);
    let mapping: Mapping | undefined;
    let isOn = false;
    try {
      mapping = await this.mapRing(gfn);
      const port = this.turnOn();
      isOn = true;
      const ring = new PagingRing(ops, mapping, vmEventLayout(libraries.version));
      const channel = new EventChannel(libraries, xenOps(), this.domid, port, () => this.onEvent());
      const forget = this.session.hold(() => this.abandon());
      this.open = { ring, channel, rooms, onFault, forget };
    } catch (error) {
      if (isOn) this.turnOff(0);
      mapping?.unmap();
      rooms.close();
      throw error;
    }
    // The guest must not reach it.
    await this.memory.depopulate(gfn);
  }

  async evict(gfns: Uint32Array): Promise<Int32Array> {
    const { later } = this.checked(gfns);
    const errors = await this.session.ops.pageOut(later, this.domid, gfns, this.out.bits);
    if (errors.includes(Errno.EBUSY)) await this.nameHoles(gfns, errors);
    return errors;
  }

  /** Of a gfn without a page Xen 4.17 says what it says of one that is in use. */
  private async nameHoles(gfns: Uint32Array, errors: Int32Array): Promise<void> {
    const types = await this.memory.types(gfns);
    for (let i = 0; i < gfns.length; i++)
      if (errors[i] === Errno.EBUSY && types[i] === PageType.XTAB && !this.out.has(gfns[i])) errors[i] = Errno.ENOENT;
  }

  async load(gfns: Uint32Array, data: Uint8Array): Promise<Int32Array> {
    const { now, later } = this.checked(gfns);
    const { ops } = this.session;
    const errors =
      gfns.length <= AT_ONCE
        ? ops.pageIn(now, this.domid, gfns, this.out.bits, data, false)
        : await ops.pageIn(later, this.domid, gfns, this.out.bits, data, true);
    this.answerThoseHere();
    return errors;
  }

  async disable(): Promise<void> {
    if (!this.open) return void this.session.domain(this.domid);
    const info = this.session.control.domainInfo(this.domid);
    // Of a domain that is gone only what is ours is left.
    if (info && !info.dying) await this.turnOffPatiently(info.pagedPages);
    this.letGo();
  }

  /**
   * A vCPU whose request is still in the ring would stay paused for ever, so all are answered first; one that found no room there is asked
   * again by Xen, which says EBUSY meanwhile.
   */
  private async turnOffPatiently(pagedPages: number): Promise<void> {
    for (let tries = 0; ; tries++) {
      this.onEvent();
      try {
        return this.turnOff(pagedPages);
      } catch (error) {
        if (pagedPages > 0 || (error as BackendError).errno !== Errno.EBUSY || tries === MOST_TRIES) throw error;
        await sleep(RETRY_MS);
      }
    }
  }

  /** The backend is closed. Where no page is missing, nothing of it stays; else only whoever destroys the domain can end it. */
  private abandon(): void {
    try {
      const info = this.session.control.domainInfo(this.domid);
      this.onEvent();
      if (info && !info.dying && info.pagedPages === 0) this.turnOff(0);
    } catch {
      // Closing does not fail.
    }
    this.letGo();
  }

  private letGo(): void {
    if (!this.open) return;
    const { ring, channel, rooms, forget } = this.open;
    this.open = undefined;
    forget();
    ring.close();
    rooms.close();
    channel.close();
  }

  private onEvent(): void {
    if (!this.open) return;
    const { ring, onFault } = this.open;
    for (const request of ring.take()) {
      const { gfn, vcpu, dropped } = request;
      if (dropped) pageOps.bitmapClear(this.out.bits, Uint32Array.of(gfn));
      // Also what is there already: it came while the request was on its way, or the hypervisor would not take it out.
      this.waiting.set(gfn, [...(this.waiting.get(gfn) ?? []), request]);
      onFault({ gfn, vcpu, kind: dropped ? 'dropped' : 'wait' });
    }
    this.answerThoseHere();
  }

  /** At most one request a vCPU waits, and a few of dom0's. */
  private answerThoseHere(): void {
    if (!this.open) return;
    const { ring, channel } = this.open;
    const here = [...this.waiting].filter(([gfn]) => !this.out.has(gfn));
    if (here.length === 0) return;
    for (const [gfn, requests] of here) {
      this.waiting.delete(gfn);
      for (const request of requests) ring.answer(request);
    }
    channel.notify();
  }

  private ringGfn(): number {
    const known = Number(readParams(this.session, this.domid, [HvmParam.PAGING_RING_PFN])[0]);
    if (known > 0 && known < MAX_GFNS) return known;
    writeParams(this.session, this.domid, [[HvmParam.PAGING_RING_PFN, BigInt(RING_GFN)]]);
    return RING_GFN;
  }

  /** Where it is not there, paging was on before, or the domain is empty yet. */
  private async mapRing(gfn: Uint32Array): Promise<Mapping> {
    const mapping = await this.memory.map(gfn, 'write');
    if (mapping.failed === 0) return mapping;
    mapping.unmap();
    await this.memory.populate(gfn);
    const again = await this.memory.map(gfn, 'write');
    if (again.failed === 0) return again;
    again.unmap();
    throw this.failed('the page of its paging ring cannot be mapped', again.errors[0]);
  }

  private turnOn(): number {
    const port = Buffer.alloc(4);
    const what = 'its paging cannot be turned on';
    try {
      this.session.control.run(what, 'xc_mem_paging_enable', this.domid, [this.domid, port]);
    } catch (error) {
      const { errno = 0 } = error as BackendError;
      const remedy = WHY_NOT[errno];
      throw remedy === undefined ? error : xenError({ what, errno, domid: this.domid, code: 'NOT_SUPPORTED', remedy });
    }
    return port.readUInt32LE();
  }

  private turnOff(pagedPages: number): void {
    if (pagedPages > 0) throw this.failed(`${pagedPages} of its pages are missing`, Errno.EBUSY);
    this.session.control.run('its paging cannot be turned off', 'xc_mem_paging_disable', this.domid, [this.domid]);
  }

  private checked(gfns: Uint32Array): Rooms {
    checkBatch(this.domid, gfns);
    if (!this.open) throw this.off();
    const end = this.session.ops.gfnsEnd(gfns);
    if (end > this.out.bits.length * 8)
      throw this.failed(`gfn 0x${(end - 1).toString(16)} is beyond it`, Errno.EINVAL, 'BAD_GFN');
    return this.open.rooms;
  }

  /** Unless there is another reason why nothing can be asked of it. */
  private off(): BackendError {
    this.session.domain(this.domid);
    return this.failed('its paging is off', Errno.EINVAL, 'INVALID_STATE');
  }

  private failed(what: string, errno: number, code?: BackendErrorCode): BackendError {
    return xenError({ what, errno, domid: this.domid, code });
  }
}
