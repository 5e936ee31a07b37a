/** xc_domain_restore's part (Xen tools/libs/guest/xg_sr_restore.c), by our engine. */
import { BackendError, type Domain, type GuestType, type HypervisorBackend } from '../../backends/backend.js';
import { type Channel, receiveDomain } from '../../migrate/index.js';
import { RecordedSets } from '../stage3/index.js';
import type { RestoreArguments } from './arguments.js';
import { domainWith } from './domain-with.js';
import type { HelperOptions } from './environment.js';
import type { EventFile } from './events.js';
import { LaterPages } from './later-pages.js';
import { Level, type Libxl } from './libxl.js';
import { MessageType } from './message.js';
import type { Identified } from './save.js';
import { assertPlain } from './stream-type.js';
import { dialBack, STAGE3_RECONNECT_MS } from './way-back.js';

/** libxl's own helper waits for ever. A source may wait two minutes for its guest to suspend, and a disk may be slow. */
const STALL_MS = 600_000;

/** The empty domain that libxl has made, as the Xen backend hands it out. */
export interface Shell extends Identified {
  /** What the stream lacked of static data: bit 0 CPUID, bit 1 MSR. Known once state.finishStatic() has resolved. */
  missingStaticData(): number;
  /** Known once state.finish() has resolved. */
  rings(): Rings;
}

export interface Rings {
  readonly storeGfn: number;
  readonly consoleGfn: number;
}

export interface RestoreParts {
  readonly backend: HypervisorBackend;
  readonly adopt: () => Promise<Shell>;
  readonly args: RestoreArguments;
  readonly options: HelperOptions;
  readonly events?: EventFile;
  /** This process may go on when libxl does. */
  readonly outlives: boolean;
  readonly libxl: Libxl;
  readonly stream: Channel;
  readonly signal: AbortSignal;
  /** All is there: libxl may go on, and starts the domain. */
  readonly done: (rings: Rings) => Promise<void>;
  /** Resolves when the domain should run: what only frees can wait for that. */
  readonly quiet: () => Promise<void>;
}

/** Fills the domain from the stream, up to END and no byte further; it stays paused. If this rejects, libxl destroys it. */
export async function restore(parts: RestoreParts): Promise<void> {
  const { backend, args, options, libxl, stream, signal, events, outlives, done, quiet } = parts;
  assertPlain(args.streamType);
  const shell = await parts.adopt();
  const info = await shell.info();
  libxl.log(Level.INFO, `Restoring domain ${info.domid}, ${info.guestType}`);
  using later = new LaterPages(shell, info.name);
  const { stage3 } = await receiveDomain({
    backend,
    stream,
    shell: async (guestType) => {
      assertType(guestType, info.guestType);
      return tellingOfStaticData(shell, parts);
    },
    name: info.name,
    maxPages: info.maxPages,
    vcpus: info.vcpus,
    dialer(source) {
      if (!outlives) throw notAlone();
      later.expect();
      return dialBack(source);
    },
    gone: later.gone,
    prepullWindow: options.prepullWindow,
    onRecordedSet: options.recordedSet ? (set) => new RecordedSets().write(shell.uuid, set) : undefined,
    onEvent(event) {
      events?.event(event);
      later.event(event);
    },
    async start(_, progress) {
      await done(shell.rings());
      if (progress()) return later.started(progress);
      await quiet();
      return true;
    },
    signal,
    stallMs: STALL_MS,
    stage3ReconnectMs: STAGE3_RECONNECT_MS,
  }).catch(async (error: unknown) => {
    if (libxl.gone || libxl.left) await later.withoutLibxl();
    throw error;
  });
  await later.end(stage3);
}

function notAlone(): BackendError {
  return new BackendError('NOT_SUPPORTED', 'the stream ends in post-copy, and libxl waits for this very process', {
    remedy: 'have LIBXL_SAVE_HELPER name native/build/Release/xenferry-save-helper at this end',
  });
}

/** libxl applies what the stream did not bring (of a Xen before 4.14) from the domain's configuration. */
function tellingOfStaticData(shell: Shell, { args, libxl }: RestoreParts): Domain {
  const { state } = shell;
  const listens = (args.callbacks & (1 << MessageType.STATIC_DATA_DONE)) !== 0;
  if (!listens) return shell;
  const telling = {
    version: state.version,
    saveStatic: () => state.saveStatic(),
    save: () => state.save(),
    restore: (record: Parameters<typeof state.restore>[0]) => state.restore(record),
    finish: () => state.finish(),
    async finishStatic() {
      await state.finishStatic();
      const missing = shell.missingStaticData();
      if ((await libxl.staticDataDone(missing)) !== 0) throw noStaticData(args.domid, missing);
    },
  };
  return domainWith(shell, { state: telling });
}

function assertType(stream: GuestType, domain: GuestType): void {
  if (stream === domain) return;
  const named = (type: GuestType): string => (type === 'pv' ? 'a PV' : 'an HVM or PVH');
  throw new BackendError(
    'INVALID_ARGUMENT',
    `the stream holds ${named(stream)} domain and is restored as ${named(domain)} one`,
    {
      remedy: 'give the configuration that the domain was saved with',
    },
  );
}

function noStaticData(domid: number, missing: number): BackendError {
  return new BackendError('HYPERVISOR', `libxl could not make up for CPU policies that the stream lacks (${missing})`, {
    domid,
    remedy: "look at libxl's own messages (xl -vvv); nothing of the domain is left here",
  });
}
