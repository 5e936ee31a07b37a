/**
 * Where a record may stand in a stream. Xen's restore enforces the first part of this; the rest is what our own records
 * need. One instance a stream, at the reader and at the writer alike.
 */
import type { GuestType } from '../../backends/backend.js';
import { StreamError } from './errors.js';
import { recordName, STREAM_VERSION, RecordType as T } from './format.js';

const ONCE: ReadonlySet<number> = new Set([T.X86_PV_INFO, T.STATIC_DATA_END, T.CAPABILITIES, T.DIRTY_BITMAP, T.STAGE3]);

/** What must have come before. */
const NEEDS: ReadonlyMap<number, readonly number[]> = new Map([
  [T.PAGE_DATA, [T.STATIC_DATA_END]],
  [T.END, [T.STATIC_DATA_END]],
  [T.X86_PV_P2M_FRAMES, [T.X86_PV_INFO, T.STATIC_DATA_END]],
  [T.SHARED_INFO, [T.X86_PV_INFO]],
  [T.EVICT_AHEAD, [T.CAPABILITIES, T.STATIC_DATA_END]],
  [T.DIRTY_BITMAP, [T.CAPABILITIES, T.STATIC_DATA_END]],
  [T.STAGE3, [T.DIRTY_BITMAP]],
]);

const PV_ONLY: ReadonlySet<number> = new Set([
  T.X86_PV_INFO,
  T.X86_PV_P2M_FRAMES,
  T.X86_PV_VCPU_BASIC,
  T.X86_PV_VCPU_EXTENDED,
  T.X86_PV_VCPU_XSAVE,
  T.X86_PV_VCPU_MSRS,
  T.SHARED_INFO,
]);
const HVM_ONLY: ReadonlySet<number> = new Set([T.HVM_CONTEXT, T.HVM_PARAMS]);
/** What STATIC_DATA_END ends. Later it would come too late to have an effect. */
export const STATIC_DATA: ReadonlySet<number> = new Set([T.X86_PV_INFO, T.X86_CPUID_POLICY, T.X86_MSR_POLICY]);
/** Static data came with version 3 (Xen 4.14). */
const SINCE_VERSION_3: ReadonlySet<number> = new Set([T.STATIC_DATA_END, T.X86_CPUID_POLICY, T.X86_MSR_POLICY]);

export class StreamOrder {
  private readonly seen = new Set<number>();

  constructor(
    private readonly guestType: GuestType,
    private readonly version: number = STREAM_VERSION,
  ) {
    // A version 2 stream has no static data to wait for.
    if (version < 3) this.seen.add(T.STATIC_DATA_END);
  }

  /** @throws StreamError BAD_ORDER if a record of this type may not stand here, `offset` bytes into the stream. */
  accept(type: number, offset: number): void {
    const problem = this.foreign(type) ?? this.misplaced(type);
    if (problem !== undefined) throw new StreamError('BAD_ORDER', `${recordName(type)} stands ${problem}`, offset);
    this.seen.add(type);
  }

  private foreign(type: number): string | undefined {
    if (this.version < 3 && SINCE_VERSION_3.has(type)) return `in a stream of version ${this.version}`;
    const other = this.guestType === 'pv' ? HVM_ONLY : PV_ONLY;
    return other.has(type) ? `in the stream of a ${this.guestType} guest` : undefined;
  }

  private misplaced(type: number): string | undefined {
    if (this.seen.has(T.END)) return 'after END';
    if (this.seen.has(T.STAGE3) && type !== T.END) return 'after STAGE3, where only END may stand';
    if (type === T.CAPABILITIES && this.started()) return 'after other records, and must be the first';
    if (type === T.EVICT_AHEAD && this.seen.has(T.DIRTY_BITMAP)) return 'after DIRTY_BITMAP';
    if (this.version >= 3 && STATIC_DATA.has(type) && this.seen.has(T.STATIC_DATA_END)) return 'after STATIC_DATA_END';
    if (ONCE.has(type) && this.seen.has(type)) return 'there for the second time';
    const missing = NEEDS.get(type)?.find((needed) => !this.seen.has(needed));
    return missing === undefined ? undefined : `before ${recordName(missing)}`;
  }

  private started(): boolean {
    return this.seen.size > (this.version < 3 ? 1 : 0);
  }
}
