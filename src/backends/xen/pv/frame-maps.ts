/** The frame tables of a PV domain that has its own P2M, mapped while they are in use. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BackendError, type Mapping } from '../../backend.js';
import { xenError } from '../libs/errors.js';
import type { Session } from '../session.js';
import { badGuest } from './errors.js';
import { mapMachineFrames } from './machine-map.js';
import { findP2m, type P2mPages } from './p2m-place.js';
import { type P2mPlace, p2mPlace } from './shared-info.js';

/** Frame tables, to be used only within the call that they were given to. */
export interface Frames {
  readonly m2p: BigUint64Array;
  readonly p2m: BigUint64Array;
  /** Pfns of the pages that the P2M itself lies in. */
  readonly leaves: Uint32Array;
  readonly sharedInfo: Uint8Array;
}

/** How long the tables stay mapped when nobody uses them: they hold pages of the domain, which could not die meanwhile. */
const IDLE_MS = 1_000;
/** A guest that is changing its P2M has done so within microseconds; one that has just woken publishes it anew. */
const TRIES = 20;
const RETRY_MS = 25;

/** One mapping of them all. */
class Mapped implements Frames {
  users = 0;

  constructor(
    readonly m2p: BigUint64Array,
    readonly p2m: BigUint64Array,
    readonly leaves: Uint32Array,
    private readonly shared: Mapping,
    private readonly place: P2mPlace,
    private readonly mappings: readonly Mapping[],
  ) {}

  get sharedInfo(): Uint8Array {
    return this.shared.base;
  }

  /** Still mapped, and the guest has not moved its P2M. */
  get fresh(): boolean {
    return this.sharedInfo.length > 0 && samePlace(p2mPlace(this.sharedInfo), this.place);
  }

  unmap(): void {
    for (const mapping of this.mappings) mapping.unmap();
  }
}

export class GuestFrames {
  private mapped: Promise<Mapped> | undefined;
  private idle: NodeJS.Timeout | undefined;

  /** `restored`: the P2M as restore built it, good until the guest wakes and publishes its own. */
  constructor(
    private readonly session: Session,
    private readonly domid: number,
    private readonly restored?: () => BigUint64Array,
  ) {}

  async use<T>(body: (frames: Frames) => Promise<T> | T): Promise<T> {
    const mapped = await this.acquire();
    try {
      return await body(mapped);
    } finally {
      mapped.users--;
      await this.leave(mapped);
    }
  }

  /** Unmaps what nobody uses now, before the domain is destroyed. */
  async release(): Promise<void> {
    clearTimeout(this.idle);
    const mapped = await this.mapped?.catch(() => undefined);
    if (!mapped || mapped.users > 0) return;
    this.mapped = undefined;
    mapped.unmap();
  }

  private async acquire(): Promise<Mapped> {
    for (;;) {
      this.mapped ??= this.open();
      const pending = this.mapped;
      try {
        const mapped = await pending;
        if (mapped.fresh) {
          mapped.users++;
          clearTimeout(this.idle);
          return mapped;
        }
        if (mapped.users === 0) mapped.unmap();
      } catch (error) {
        this.forget(pending);
        throw error;
      }
      this.forget(pending);
    }
  }

  private forget(pending: Promise<Mapped>): void {
    if (this.mapped === pending) this.mapped = undefined;
  }

  private async leave(mapped: Mapped): Promise<void> {
    if (mapped.users > 0) return;
    if ((await this.mapped?.catch(() => undefined)) !== mapped) return mapped.unmap();
    this.idle = setTimeout(() => void this.release(), IDLE_MS).unref();
  }

  /** Tries again while the guest is changing the very things that are looked at. */
  private async open(): Promise<Mapped> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.tryOpen();
      } catch (error) {
        if (tries === TRIES || !(error instanceof BackendError) || error.code !== 'HYPERVISOR') throw error;
      }
      await sleep(RETRY_MS);
    }
  }

  private async tryOpen(): Promise<Mapped> {
    const { session, domid } = this;
    const mappings: Mapping[] = [];
    const map = async (frames: BigUint64Array, what: string): Promise<Mapping> => {
      const mapping = await session.foreign.map(domid, frames, 'read');
      mappings.push(mapping);
      if (mapping.failed > 0)
        throw xenError({ what, errno: mapping.errors.find(Boolean) ?? 0, domid, code: 'HYPERVISOR' });
      return mapping;
    };
    try {
      const shared = await map(
        BigUint64Array.of(session.domain(domid).sharedInfoFrame),
        'its shared_info cannot be mapped',
      );
      const machine = await mapMachineFrames(session);
      mappings.push(machine.mapping);
      const place = p2mPlace(shared.base);
      const common = [shared, place, mappings] as const;
      if (place.frameListList === 0n)
        return new Mapped(machine.frames, this.unpublished(), new Uint32Array(0), ...common);
      if ((place.generation & 1n) !== 0n) throw badGuest(domid, 'it is changing its P2M');
      const pages = await findP2m(session, domid, place);
      const table = await map(pages.mfns, 'its P2M cannot be mapped');
      const p2m = new BigUint64Array(table.base.buffer as ArrayBuffer, 0, pages.nrPfns);
      const leaves = this.leavesOf(machine.frames, p2m, pages);
      if (!samePlace(p2mPlace(shared.base), place)) throw badGuest(domid, 'it has just changed its P2M');
      return new Mapped(machine.frames, p2m, leaves, ...common);
    } catch (error) {
      for (const mapping of mappings) mapping.unmap();
      throw error;
    }
  }

  private unpublished(): BigUint64Array {
    if (this.restored) return this.restored();
    throw badGuest(this.domid, 'it has not said yet where its P2M is, as a kernel does when it boots or wakes');
  }

  private leavesOf(m2p: BigUint64Array, p2m: BigUint64Array, { mfns }: P2mPages): Uint32Array {
    const leaves = new Uint32Array(mfns.length);
    const translated = this.session.ops.physicalFrames(m2p, p2m, mfns, leaves);
    if (translated === leaves.length) return leaves;
    const bad = mfns[translated].toString(16);
    throw badGuest(this.domid, `page ${translated} of its P2M is mfn 0x${bad}, which the P2M does not know`);
  }
}

function samePlace(a: P2mPlace, b: P2mPlace): boolean {
  return (
    a.generation === b.generation &&
    a.cr3 === b.cr3 &&
    a.vaddr === b.vaddr &&
    a.frameListList === b.frameListList &&
    a.nrPfns === b.nrPfns
  );
}
