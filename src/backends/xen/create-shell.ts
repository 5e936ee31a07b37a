/**
 * A bare domain to receive into: memory and vCPUs, no devices, no console, no place in xenstore. Enough to hold a domain and to look
 * at it; whoever wants a Linux in it that talks to the world goes through libxl, which makes a shell of its own (adoptShell).
 */
import { randomBytes } from 'node:crypto';
import { BackendError, type DomainShell, Errno, PAGE_SIZE } from '../backend.js';
import { createDomainLayout } from './libs/abi.js';
import { xenError } from './libs/errors.js';
import { MAX_GFNS } from './limits.js';
import type { Session } from './session.js';

/** XEN_DOMCTL_CDF_*. */
const Cdf = { HVM: 1 << 0, HAP: 1 << 1 } as const;
/** What a PVH domain has of a PC (XEN_X86_EMU_LAPIC). */
const EMULATE_LAPIC = 1;
const MAX_VCPUS = 128;
const EVENT_CHANNELS = 1023;
const GRANT_FRAMES = 64;
const GRANT_VERSION = 1;
const KB_PER_PAGE = PAGE_SIZE / 1024;
/** As libxl reckons the pool for page tables: 1 MiB for each vCPU and 8 KiB for each MiB of memory. */
const poolBytes = ({ vcpus, maxPages }: DomainShell): number =>
  (vcpus << 20) + Math.ceil((maxPages * PAGE_SIZE) / 128 / PAGE_SIZE) * PAGE_SIZE;

/** Resolves to its domid. `NO_MEMORY` where the host cannot promise `maxPages`; nothing is left then. */
export function createShell(session: Session, shell: DomainShell): number {
  const { control } = session;
  check(shell);
  if (shell.maxPages > control.physinfo().totalPages) throw tooLarge(shell);
  const domid = control.createDomain(configOf(session, shell));
  try {
    control.setMaxMemory(domid, shell.maxPages * KB_PER_PAGE);
    control.setMaxVcpus(domid, shell.vcpus);
    // PV domains have no such pool until log-dirty asks for one.
    if (shell.guestType === 'hvm') control.setPagingPool(domid, poolBytes(shell));
    claim(session, domid, shell);
    return domid;
  } catch (error) {
    undo(session, domid, error);
    throw error;
  }
}

/** Why it failed is the news; that something is left of it is told with it. */
function undo({ control }: Session, domid: number, cause: unknown): void {
  try {
    control.run('it cannot be destroyed', 'xc_domain_destroy', domid, [domid]);
  } catch (error) {
    throw new AggregateError([cause, error], `${String(cause)}; domain ${domid}, which was to be it, is left behind`);
  }
}

function check({ vcpus, maxPages, guestType, pagingMode }: DomainShell): void {
  const invalid = (what: string): BackendError => new BackendError('INVALID_ARGUMENT', what, { errno: Errno.EINVAL });
  if (!Number.isInteger(vcpus) || vcpus < 1 || vcpus > MAX_VCPUS)
    throw invalid(`${vcpus} is not a number of vCPUs: 1 to ${MAX_VCPUS}`);
  if (!Number.isInteger(maxPages) || maxPages < 1) throw invalid(`${maxPages} is not a number of pages`);
  if (maxPages > MAX_GFNS)
    throw new BackendError('NO_MEMORY', `no domain has more than ${MAX_GFNS} pages`, { errno: Errno.ENOMEM });
  if (guestType === 'pv' && pagingMode === 'hap') throw invalid('a PV domain has no hardware-assisted paging');
}

/** struct xen_domctl_createdomain. */
function configOf(session: Session, { guestType, pagingMode, vcpus }: DomainShell): Buffer {
  const layout = createDomainLayout(session.libraries.version);
  const config = Buffer.alloc(layout.BYTES);
  randomBytes(16).copy(config, layout.HANDLE);
  const hvm = guestType === 'hvm';
  config.writeUInt32LE(hvm ? Cdf.HVM | (pagingMode === 'shadow' ? 0 : Cdf.HAP) : 0, layout.FLAGS);
  config.writeUInt32LE(vcpus, layout.MAX_VCPUS);
  config.writeUInt32LE(EVENT_CHANNELS, layout.MAX_EVTCHN_PORT);
  config.writeInt32LE(GRANT_FRAMES, layout.MAX_GRANT_FRAMES);
  config.writeUInt32LE(GRANT_VERSION, layout.GRANT_OPTS);
  config.writeUInt32LE(hvm ? EMULATE_LAPIC : 0, layout.EMULATION_FLAGS);
  return config;
}

/** The hypervisor sets the pages aside until they are populated. */
function claim({ control }: Session, domid: number, shell: DomainShell): void {
  const { totalPages, freePages } = control.physinfo();
  if (shell.maxPages > Math.min(totalPages, freePages)) throw tooLarge(shell);
  control.claimPages(domid, shell.maxPages);
}

function tooLarge({ name, maxPages }: DomainShell): BackendError {
  return xenError({
    what: `this host has no ${maxPages} pages for ${name}`,
    errno: Errno.ENOMEM,
    code: 'NO_MEMORY',
  });
}
