/**
 * libxl-save-helper's command line, as libxl makes it (Xen tools/libs/light/libxl_save_callout.c, run_helper; tools/libs/light/
 * libxl_save_helper.c, main). All values are decimal numbers.
 */

/** XCFLAGS_* (tools/include/xenguest.h). */
const XCFLAGS_LIVE = 1 << 0;
const XCFLAGS_DEBUG = 1 << 1;

export type StreamType = 'plain' | 'remus' | 'colo';

export interface SaveArguments {
  readonly side: 'save';
  /** The stream goes out here. */
  readonly streamFd: number;
  readonly domid: number;
  /** The domain runs on while its memory is copied. */
  readonly live: boolean;
  /** Send all memory twice, for the other end to compare. */
  readonly debug: boolean;
  /** Bit 1 << n: libxl listens to the callback of number n. */
  readonly callbacks: number;
  readonly streamType: StreamType;
}

export interface RestoreArguments {
  readonly side: 'restore';
  readonly streamFd: number;
  /** The empty domain that libxl has made. */
  readonly domid: number;
  readonly storePort: number;
  readonly storeDomid: number;
  readonly consolePort: number;
  readonly consoleDomid: number;
  readonly callbacks: number;
  readonly streamType: StreamType;
}

export type HelperArguments = SaveArguments | RestoreArguments;

const STREAM_TYPES: readonly StreamType[] = ['plain', 'remus', 'colo'];
const SAVE = ['fd', 'backfd', 'domid', 'xcflags', 'cbflags', 'stream_type'];
const RESTORE = [
  'fd',
  'backfd',
  'domid',
  'store_evtchn',
  'store_domid',
  'console_evtchn',
  'console_domid',
  'cbflags',
  'stream_type',
];

export const USAGE = `usage: xenferry-save-helper --save-domain ${SAVE.join(' ')}
       xenferry-save-helper --restore-domain ${RESTORE.join(' ')}

libxl runs this in place of its own libxl-save-helper where LIBXL_SAVE_HELPER names it:
  LIBXL_SAVE_HELPER=/path/to/xenferry-save-helper xl migrate DOMAIN HOST`;

/** A command line that libxl would not give. */
export class ArgumentError extends Error {
  override readonly name = 'ArgumentError';
}

/** @throws ArgumentError */
export function parseArguments(argv: readonly string[]): HelperArguments {
  const [mode, ...values] = argv;
  if (mode === '--save-domain') return saveArguments(new Values(values, SAVE));
  if (mode === '--restore-domain') return restoreArguments(new Values(values, RESTORE));
  throw new ArgumentError(mode === undefined ? 'no mode was given' : `there is no mode ${mode}`);
}

function saveArguments(values: Values): SaveArguments {
  const flags = values.number('xcflags');
  const unknown = flags & ~(XCFLAGS_LIVE | XCFLAGS_DEBUG);
  if (unknown !== 0) throw new ArgumentError(`xcflags ${flags} has bits that are not known`);
  return {
    side: 'save',
    streamFd: values.descriptor('fd'),
    domid: values.domid('domid'),
    live: (flags & XCFLAGS_LIVE) !== 0,
    debug: (flags & XCFLAGS_DEBUG) !== 0,
    callbacks: values.number('cbflags'),
    streamType: values.streamType(),
  };
}

function restoreArguments(values: Values): RestoreArguments {
  return {
    side: 'restore',
    streamFd: values.descriptor('fd'),
    domid: values.domid('domid'),
    storePort: values.number('store_evtchn'),
    storeDomid: values.domid('store_domid'),
    consolePort: values.number('console_evtchn'),
    consoleDomid: values.domid('console_domid'),
    callbacks: values.number('cbflags'),
    streamType: values.streamType(),
  };
}

/** The arguments behind the mode, by the names that the usage gives them. */
class Values {
  constructor(
    private readonly values: readonly string[],
    private readonly names: readonly string[],
  ) {
    if (values.length !== names.length) {
      throw new ArgumentError(`${names.length} arguments are needed behind the mode, ${values.length} were given`);
    }
  }

  number(name: string, most = 0xffffffff): number {
    const text = this.values[this.names.indexOf(name)];
    const value = Number(text);
    if (!/^\d+$/.test(text) || value > most)
      throw new ArgumentError(`${name} is "${text}", not a number up to ${most}`);
    return value;
  }

  /** 0 to 2 are the protocol's own, and what is said to the operator. */
  descriptor(name: string): number {
    const fd = this.number(name, 0x7fffffff);
    if (fd <= 2) throw new ArgumentError(`${name} is ${fd}, which the protocol with libxl uses`);
    return fd;
  }

  /** DOMID_FIRST_RESERVED and above name no domain (xen/include/public/xen.h). */
  domid(name: string): number {
    return this.number(name, 0x7fef);
  }

  streamType(): StreamType {
    return STREAM_TYPES[this.number('stream_type', STREAM_TYPES.length - 1)];
  }
}
