/** xc_domain_save's part (Xen tools/libs/guest/xg_sr_save.c), by our engine. */
import { BackendError, type Domain, type DomainInfo, type HypervisorBackend } from '../../backends/backend.js';
import { type Channel, type MigrationReport, type Suspender, sendDomain } from '../../migrate/index.js';
import { RecordedSets, ServerStatus } from '../stage3/index.js';
import type { SaveArguments } from './arguments.js';
import { domainWith } from './domain-with.js';
import type { HelperOptions } from './environment.js';
import type { EventFile } from './events.js';
import { Level, type Libxl } from './libxl.js';
import { MessageType } from './message.js';
import { Narrator } from './narrator.js';
import { nothingWritten } from './still.js';
import { assertPlain } from './stream-type.js';
import { openWayBack, STAGE3_RECONNECT_MS } from './way-back.js';
import { resumeAlone, resumeWhenSuspended, takeAway } from './without-libxl.js';

/** A file system may hang for a while; whoever wants to give up sooner ends xl. */
const STALL_MS = 120_000;

/** A domid may be given again, this is not. */
export type Identified = Domain & { readonly uuid: string };

/** More of the hypervisor than an engine needs to know. */
export interface SavingBackend extends HypervisorBackend {
  domain(domid: number): Promise<Identified>;
  /** Addresses of the PCI devices of this host that the domain has been given. */
  pciDevices(domid: number): readonly string[];
}

export interface SaveParts {
  readonly backend: SavingBackend;
  readonly args: SaveArguments;
  readonly options: HelperOptions;
  readonly libxl: Libxl;
  readonly stream: Channel;
  readonly signal: AbortSignal;
  readonly events?: EventFile;
  /** This process may go on when libxl does. */
  readonly outlives: boolean;
  /** The stream is whole: libxl may go on. */
  readonly done: () => Promise<void>;
  /** Resolves when the domain should run: what only frees can wait for that. */
  readonly quiet: () => Promise<void>;
}

/**
 * Writes the domain to the stream, as far as END. It is then suspended; if this rejects, it is libxl that resumes it where it had
 * been suspended already. Log-dirty is off either way.
 */
export async function save(parts: SaveParts): Promise<MigrationReport> {
  const { backend, args, libxl } = parts;
  assertPlain(args.streamType);
  if (args.debug) throw noVerify();
  const domain = await backend.domain(args.domid);
  // Where the domain is suspended first nothing need be followed: libxc's own helper saves it, devices or not, and so does this one.
  if (args.live) assertNoDevices(args.domid, backend.pciDevices(args.domid));
  const info = await domain.info();
  assertWhole(info);
  libxl.log(Level.INFO, `Saving domain ${info.domid}, ${info.guestType}, ${args.live ? 'live' : 'suspended first'}`);
  return withQemuLogging(parts, info, (rest) => send(rest, domain, info.name));
}

async function send(parts: SaveParts, domain: Identified, name: string): Promise<MigrationReport> {
  const { args, options, libxl, stream, signal, events, done, quiet } = parts;
  const narrator = new Narrator(libxl, events, options.strategy);
  using status = new ServerStatus(domain.domid, name);
  const suspender = libxlSuspends(domain, libxl, () => narrator.stopping());
  const [gate, returnAddress] = options.strategy === 'precopy' ? [] : await wayBack(parts);
  await using _ = gate;
  const sets = options.recordedSet && gate ? new RecordedSets() : undefined;
  if (!args.live) await suspender.suspend();
  const report = await sendDomain({
    returns: gate,
    returnAddress,
    domain: args.live ? domain : domainWith(domain, { logDirty: nothingWritten }),
    stream,
    strategy: options.strategy,
    policy: options.policy,
    downtimeBudgetMs: options.downtimeBudgetMs,
    bandwidth: options.bandwidth,
    postcopyBandwidth: options.postcopyBandwidth,
    recordedSet: sets?.read(domain.uuid),
    elideZeroPages: options.elideZeroPages,
    suspender: args.live ? suspender : ALREADY,
    signal,
    stallMs: STALL_MS,
    stage3ReconnectMs: STAGE3_RECONNECT_MS,
    onEvent(event) {
      narrator.event(event);
      status.event(event);
    },
    async onSent(sofar) {
      narrator.saved(sofar);
      // It leaves, and the set with it: to this very host, perhaps, so not later.
      if (sets) sets.forget(domain.uuid);
      await done();
      // With a way back, the destination waits for our word.
      if (!gate) await quiet();
    },
  }).catch((error: Error) => {
    status.failed(error.message);
    throw error;
  });
  narrator.over(report);
  // Nothing less proves that this is not the last copy.
  if (report.stage3?.runs) await takeAway(domain);
  return report;
}

/** What is missing would be saved as if it had never been. */
function assertWhole({ domid, pagedPages }: DomainInfo): void {
  if (pagedPages === 0) return;
  throw new BackendError('INVALID_STATE', `domain ${domid} misses ${pagedPages} pages, which are on their way here`, {
    domid,
    remedy: `wait until it has them all: xenferry status ${domid}`,
  });
}

async function wayBack({
  args,
  options,
  outlives,
  signal,
}: SaveParts): Promise<Awaited<ReturnType<typeof openWayBack>>> {
  if (!args.live)
    throw notPostcopy('a domain that is saved, and not moved, has no destination that could ask for pages');
  if (!outlives) throw notPostcopy('libxl waits for this very process, which would have to go on');
  return openWayBack(options, signal);
}

function notPostcopy(why: string): BackendError {
  return new BackendError('NOT_SUPPORTED', `XENFERRY_STRATEGY is not precopy: ${why}`, {
    remedy: 'leave it out; or have LIBXL_SAVE_HELPER name native/build/Release/xenferry-save-helper, and migrate',
  });
}

const ALREADY: Suspender = { suspend: async () => undefined, resume: async () => undefined };

/** libxl asks the guest, and resumes it if the save fails. */
function libxlSuspends(domain: Domain, libxl: Libxl, stopping: () => void): Suspender {
  return {
    byGuest: true,
    async suspend() {
      stopping();
      const suspended = await libxl.suspend().catch(async (error: unknown) => {
        // The guest may have been asked already, and nobody but us is left to resume it.
        await resumeWhenSuspended(domain);
        throw error;
      });
      if (!suspended) throw notSuspended(domain.domid, 'libxl could not suspend it');
      if (!(await domain.info()).suspended) throw notSuspended(domain.domid, 'it has not been suspended');
    },
    resume: () => resumeAlone(domain, libxl),
  };
}

/** What QEMU writes to an HVM domain's memory is logged by QEMU; a PVH domain has none, which libxl knows. */
async function withQemuLogging<T>(
  parts: SaveParts,
  info: DomainInfo,
  work: (parts: SaveParts) => Promise<T>,
): Promise<T> {
  const { libxl, args } = parts;
  const listens = (args.callbacks & (1 << MessageType.SWITCH_QEMU_LOGDIRTY)) !== 0;
  if (info.guestType !== 'hvm' || !listens) return work(parts);
  if ((await libxl.switchQemuLogDirty(args.domid, true)) !== 0) throw noQemu(args.domid);
  let logs = true;
  const stop = async (): Promise<void> => {
    if (!logs) return;
    logs = false;
    // If libxl is gone there is nobody to ask.
    const left = await libxl.switchQemuLogDirty(args.domid, false).catch(() => 0);
    if (left !== 0)
      libxl.log(Level.WARN, `QEMU of domain ${args.domid} goes on logging its writes: it could not be told to stop`);
  };
  try {
    return await work({ ...parts, done: () => stop().then(parts.done) });
  } finally {
    await stop();
  }
}

/** Xen refuses log-dirty mode then, for several reasons of which it says none (xen/arch/x86/mm/paging.c, paging_log_dirty_enable). */
function assertNoDevices(domid: number, devices: readonly string[]): void {
  if (devices.length === 0) return;
  const what = `domain ${domid} has PCI devices of this host, whose writes to its memory nobody can follow`;
  throw new BackendError('NOT_SUPPORTED', `${what}: ${devices.join(', ')}`, {
    domid,
    remedy: `take each of them out first: xl pci-detach ${domid} DEVICE; the other host cannot have the very same ones`,
  });
}

function notSuspended(domid: number, why: string): BackendError {
  return new BackendError('SUSPEND_FAILED', `domain ${domid} does not stop: ${why}`, {
    domid,
    remedy:
      'look whether the guest runs and has Xen drivers (its kernel must answer control/shutdown); it runs on here',
  });
}

function noQemu(domid: number): BackendError {
  return new BackendError('HYPERVISOR', `QEMU of domain ${domid} cannot be told to log what it writes`, {
    domid,
    remedy: 'look in /var/log/xen/qemu-dm-*.log whether its device model is well; the domain runs on',
  });
}

function noVerify(): BackendError {
  return new BackendError('NOT_SUPPORTED', 'the debug option (all memory sent twice and compared) is not supported', {
    remedy: 'leave out --debug, or unset LIBXL_SAVE_HELPER to use libxl-save-helper for it',
  });
}
