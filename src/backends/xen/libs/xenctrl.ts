/** libxenctrl and libxenguest: one method for each call that the backend makes, with errno turned into an error. */
import { BackendError, type BackendErrorCode, Errno } from '../../errors.js';
import {
  CPUID_LEAF_BYTES,
  DomainFlag,
  DomainInfoLayout,
  hasPolicyObjects,
  MSR_ENTRY_BYTES,
  PhysinfoLayout,
  SHUTDOWN_REASON_SHIFT,
  SHUTDOWN_SUSPEND,
} from './abi.js';
import type { FunctionName } from './declarations.js';
import { type Failure, xenError } from './errors.js';
import { addressOf, type CFunction, isNull, lastErrno, type SharedLibrary } from './ffi.js';
import type { Libraries } from './libraries.js';

/** xc_domaininfo_t, what is used of it. */
export interface RawDomainInfo {
  readonly domid: number;
  readonly dying: boolean;
  readonly hvm: boolean;
  readonly paused: boolean;
  readonly suspended: boolean;
  /** Stopped for another reason: it crashed, or powered off. */
  readonly shutdown: boolean;
  readonly hap: boolean;
  readonly totPages: number;
  readonly maxPages: number;
  readonly pagedPages: number;
  readonly sharedInfoFrame: bigint;
  /** Its UUID, in hexadecimal: a domid may be given again. */
  readonly uuid: string;
  readonly vcpus: number;
}

export interface TscInfo {
  readonly mode: number;
  readonly khz: number;
  readonly nsec: bigint;
  readonly incarnation: number;
}

export interface CpuPolicy {
  /** xen_cpuid_leaf_t[] */
  readonly cpuid: Buffer;
  /** xen_msr_entry_t[] */
  readonly msrs: Buffer;
}

/** DOMID_FIRST_RESERVED: from here on a domid is no domain's. */
const FIRST_RESERVED_DOMID = 0x7ff0;
/** XEN_DOMCTL_SHADOW_OP_SET_ALLOCATION. */
const SET_ALLOCATION = 31;

type Args = Parameters<CFunction>;
type Because = Pick<Failure, 'code' | 'remedy'>;

export class XenControl {
  readonly ctrl: SharedLibrary;
  private handle: Buffer | undefined;

  constructor(private readonly libraries: Libraries) {
    this.ctrl = libraries.get('libxenctrl');
    // Its own logger would write to stderr beside our errors; a null one still does, so errors of calls that may fail are few.
    this.handle = this.ctrl.call<Buffer>('xc_interface_open', null, null, 0);
    if (isNull(this.handle)) {
      const errno = lastErrno();
      this.handle = undefined;
      throw xenError({
        what: 'cannot open the hypervisor’s control interface',
        errno,
        remedy: 'run this as root in dom0',
      });
    }
  }

  get guest(): SharedLibrary {
    return this.libraries.get('libxenguest');
  }

  /** The address of the xc_interface, for calls made in native/. */
  get address(): number {
    return addressOf(this.xch);
  }

  close(): void {
    if (!this.handle) return;
    this.ctrl.call('xc_interface_close', this.handle);
    this.handle = undefined;
  }

  /** Undefined where no domain has this domid. */
  domainInfo(domid: number): RawDomainInfo | undefined {
    if (!Number.isInteger(domid) || domid < 0 || domid >= FIRST_RESERVED_DOMID) return undefined;
    const info = this.firstFrom(domid);
    return info?.domid === domid ? info : undefined;
  }

  /** In the order of their domids. */
  domains(): RawDomainInfo[] {
    const all: RawDomainInfo[] = [];
    for (let info = this.firstFrom(0); info; info = this.firstFrom(info.domid + 1)) all.push(info);
    return all;
  }

  /** Highest gfn, plus one. */
  nrGfns(domid: number): number {
    const out = Buffer.alloc(8);
    this.run('cannot learn its number of gfns', 'xc_domain_nr_gpfns', domid, [domid, out]);
    return Number(out.readBigUInt64LE());
  }

  pause(domid: number): void {
    this.run('cannot pause it', 'xc_domain_pause', domid, [domid]);
  }

  unpause(domid: number): void {
    this.run('cannot unpause it', 'xc_domain_unpause', domid, [domid]);
  }

  /** Lets a suspended domain run again; the guest sees that its suspend was cancelled. */
  resume(domid: number): void {
    // It moved from one library to the other.
    const library = this.guest.has('xc_domain_resume') ? this.guest : this.ctrl;
    const result = library.call<number>('xc_domain_resume', this.xch, domid, 1);
    this.check('cannot resume it', domid, result);
  }

  /** `config` is a struct xen_domctl_createdomain. Returns the new domid; the domain is paused. */
  createDomain(config: Buffer): number {
    const domid = Buffer.alloc(4);
    this.run('no domain can be created', 'xc_domain_create', undefined, [domid, config]);
    return domid.readUInt32LE();
  }

  setMaxMemory(domid: number, kb: number): void {
    this.run('its memory cannot be limited', 'xc_domain_setmaxmem', domid, [domid, kb]);
  }

  setMaxVcpus(domid: number, vcpus: number): void {
    this.run(`it cannot have ${vcpus} vCPUs`, 'xc_domain_max_vcpus', domid, [domid, vcpus]);
  }

  /** Memory for its page tables. In MiB before 4.17, and before the security fix that brought the other call. */
  setPagingPool(domid: number, bytes: number): void {
    const what = 'no memory for its page tables';
    if (this.ctrl.has('xc_set_paging_mempool_size')) {
      this.run(what, 'xc_set_paging_mempool_size', domid, [domid, bytes]);
      return;
    }
    const megabytes = Buffer.alloc(4);
    megabytes.writeUInt32LE(Math.ceil(bytes / (1 << 20)));
    this.run(what, 'xc_shadow_control', domid, [domid, SET_ALLOCATION, megabytes, 0]);
  }

  /** Sets so many pages aside for it. */
  claimPages(domid: number, pages: number): void {
    this.run(`no ${pages} pages are free`, 'xc_domain_claim_pages', domid, [domid, pages], {
      code: 'NO_MEMORY',
    });
  }

  tscInfo(domid: number): TscInfo {
    const out = Buffer.alloc(24);
    const [mode, nsec, khz, incarnation] = [out.subarray(0), out.subarray(8), out.subarray(16), out.subarray(20)];
    this.run('cannot read its TSC mode', 'xc_domain_get_tsc_info', domid, [domid, mode, nsec, khz, incarnation]);
    return {
      mode: mode.readUInt32LE(),
      nsec: nsec.readBigUInt64LE(),
      khz: khz.readUInt32LE(),
      incarnation: incarnation.readUInt32LE(),
    };
  }

  setTscInfo(domid: number, { mode, nsec, khz, incarnation }: TscInfo): void {
    const args = [domid, mode, nsec.toString(), khz, incarnation];
    this.run('cannot set its TSC mode', 'xc_domain_set_tsc_info', domid, args, { code: 'BAD_STATE_RECORD' });
  }

  hvmContext(domid: number): Buffer {
    const what = 'cannot read its HVM context';
    const size = this.run(what, 'xc_domain_hvm_getcontext', domid, [domid, null, 0]);
    const context = Buffer.alloc(size);
    const used = this.run(what, 'xc_domain_hvm_getcontext', domid, [domid, context, size]);
    return context.subarray(0, used);
  }

  setHvmContext(domid: number, context: Buffer): void {
    const why: Because = {
      code: 'BAD_STATE_RECORD',
      remedy: 'it comes from another CPU model or a newer Xen, or is damaged',
    };
    const what = 'the hypervisor refuses its HVM context';
    this.run(what, 'xc_domain_hvm_setcontext', domid, [domid, context, context.length], why);
  }

  /** The CPU policy that the guest sees. */
  cpuPolicy(domid: number): CpuPolicy {
    const sizes = Buffer.alloc(8);
    const [leaves, entries] = [sizes.subarray(0), sizes.subarray(4)];
    const what = 'cannot read its CPU policy';
    const objects = hasPolicyObjects(this.guest);
    const sizeCall = objects ? 'xc_cpu_policy_get_size' : 'xc_get_cpu_policy_size';
    const library = this.guest.has(sizeCall) ? this.guest : this.ctrl;
    this.check(what, domid, library.call<number>(sizeCall, this.xch, leaves, entries));
    const cpuid = Buffer.alloc(leaves.readUInt32LE() * CPUID_LEAF_BYTES);
    const msrs = Buffer.alloc(entries.readUInt32LE() * MSR_ENTRY_BYTES);
    if (objects) this.serialisePolicy(what, domid, [cpuid, leaves, msrs, entries]);
    else this.fetchPolicy(what, domid, [leaves, cpuid, entries, msrs]);
    return {
      cpuid: cpuid.subarray(0, leaves.readUInt32LE() * CPUID_LEAF_BYTES),
      msrs: msrs.subarray(0, entries.readUInt32LE() * MSR_ENTRY_BYTES),
    };
  }

  setCpuPolicy(domid: number, { cpuid, msrs }: CpuPolicy): void {
    const library = this.guest.has('xc_set_domain_cpu_policy') ? this.guest : this.ctrl;
    const where = Buffer.alloc(12, 0xff);
    const [leaf, subleaf, msr] = [where.subarray(0), where.subarray(4), where.subarray(8)];
    const counts = [cpuid.length / CPUID_LEAF_BYTES, msrs.length / MSR_ENTRY_BYTES];
    const args: Args = [this.xch, domid, counts[0], cpuid, counts[1], msrs, leaf, subleaf, msr];
    const result = library.call<number>('xc_set_domain_cpu_policy', ...args);
    if (result === 0) return;
    const errno = lastErrno();
    const [l, s, m] = [leaf, subleaf, msr].map((at) => at.readUInt32LE().toString(16));
    const what = `this host cannot offer its CPU policy: leaf 0x${l}, subleaf 0x${s}, MSR 0x${m}`;
    const remedy = 'migrate between hosts of the same CPU model, or level the guest’s CPUID in its configuration';
    throw xenError({ what, errno, domid, code: 'BAD_STATE_RECORD', remedy });
  }

  /** Grants of the console and xenstore pages, which a new domain's grant table does not have. */
  seedGrants(domid: number, hvm: boolean, console: Ring, store: Ring): void {
    const gfns = [console.gfn.toString(), store.gfn.toString()];
    const args: Args = [this.xch, domid, hvm, gfns[0], gfns[1], console.domid, store.domid];
    const result = this.guest.call<number>('xc_dom_gnttab_seed', ...args);
    this.check('cannot grant its console and xenstore pages', domid, result);
  }

  /** XEN_SYSCTL_PHYSCAP_* bits, and pages of the host. */
  physinfo(): { capabilities: number; totalPages: number; freePages: number } {
    const info = Buffer.alloc(PhysinfoLayout.BYTES);
    this.run('cannot ask the hypervisor what it can do', 'xc_physinfo', undefined, [info]);
    return {
      capabilities: info.readUInt32LE(PhysinfoLayout.CAPABILITIES),
      totalPages: Number(info.readBigUInt64LE(PhysinfoLayout.TOTAL_PAGES)),
      freePages: Number(info.readBigUInt64LE(PhysinfoLayout.FREE_PAGES)),
    };
  }

  /** A call of libxenctrl's that returns a negative number and sets errno when it fails. */
  run(what: string, symbol: FunctionName, domid: number | undefined, args: Args, why?: Because): number {
    const result = this.ctrl.call<number>(symbol, this.xch, ...args);
    return this.check(what, domid, result, why);
  }

  get xch(): Buffer {
    if (!this.handle)
      throw new BackendError('CLOSED', 'the control interface has been closed', { remedy: 'open another backend' });
    return this.handle;
  }

  private check(what: string, domid: number | undefined, result: number, why?: Because): number {
    if (result >= 0) return result;
    const errno = lastErrno();
    // A domain that has just gone explains every other complaint.
    const code: BackendErrorCode | undefined = errno === Errno.ESRCH ? undefined : why?.code;
    throw xenError({ what, errno, domid, ...why, code });
  }

  /** xc_domain_getinfolist answers with the next higher domid where there is none; one at a time, since its stride varies. */
  private firstFrom(domid: number): RawDomainInfo | undefined {
    const info = Buffer.alloc(DomainInfoLayout.BYTES);
    const count = this.run('cannot list the domains', 'xc_domain_getinfolist', undefined, [domid, 1, info]);
    return count > 0 ? decodeInfo(info) : undefined;
  }

  private serialisePolicy(what: string, domid: number, [cpuid, leaves, msrs, entries]: readonly Buffer[]): void {
    const policy = this.guest.call<Buffer>('xc_cpu_policy_init');
    if (isNull(policy)) throw xenError({ what, errno: lastErrno(), domid });
    try {
      const get = this.guest.call<number>('xc_cpu_policy_get_domain', this.xch, domid, policy);
      this.check(what, domid, get);
      const args: Args = [this.xch, policy, cpuid, leaves, msrs, entries];
      this.check(what, domid, this.guest.call<number>('xc_cpu_policy_serialise', ...args));
    } finally {
      this.guest.call('xc_cpu_policy_destroy', policy);
    }
  }

  private fetchPolicy(what: string, domid: number, [leaves, cpuid, entries, msrs]: readonly Buffer[]): void {
    const library = this.guest.has('xc_get_domain_cpu_policy') ? this.guest : this.ctrl;
    const args: Args = [this.xch, domid, leaves, cpuid, entries, msrs];
    this.check(what, domid, library.call<number>('xc_get_domain_cpu_policy', ...args));
  }
}

/** A page shared with a service domain. */
export interface Ring {
  readonly gfn: number | bigint;
  readonly domid: number;
}

function decodeInfo(info: Buffer): RawDomainInfo {
  const flags = info.readUInt32LE(DomainInfoLayout.FLAGS);
  const stopped = (flags & DomainFlag.SHUTDOWN) !== 0;
  const reason = (flags >>> SHUTDOWN_REASON_SHIFT) & 0xff;
  return {
    domid: info.readUInt16LE(DomainInfoLayout.DOMID),
    dying: (flags & DomainFlag.DYING) !== 0,
    hvm: (flags & DomainFlag.HVM) !== 0,
    paused: (flags & DomainFlag.PAUSED) !== 0,
    suspended: stopped && reason === SHUTDOWN_SUSPEND,
    shutdown: stopped && reason !== SHUTDOWN_SUSPEND,
    hap: (flags & DomainFlag.HAP) !== 0,
    totPages: Number(info.readBigUInt64LE(DomainInfoLayout.TOT_PAGES)),
    maxPages: Number(info.readBigUInt64LE(DomainInfoLayout.MAX_PAGES)),
    pagedPages: Number(info.readBigUInt64LE(DomainInfoLayout.PAGED_PAGES)),
    sharedInfoFrame: info.readBigUInt64LE(DomainInfoLayout.SHARED_INFO),
    uuid: info.toString('hex', DomainInfoLayout.HANDLE, DomainInfoLayout.HANDLE + 16),
    // No vCPU at all is an id of -1.
    vcpus: (info.readUInt32LE(DomainInfoLayout.MAX_VCPU_ID) + 1) >>> 0,
  };
}
