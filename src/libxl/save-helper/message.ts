/**
 * Messages of the helper to libxl (Xen tools/libs/light/libxl_save_msgs_gen.pl): u16 length, u16 number, arguments; packed and in the
 * machine's byte order, which on x86 is little-endian. A string is u32 size with its NUL, then the bytes.
 *
 * libxl drops a message that it cannot parse without a word, and then nobody answers: what leaves here is whole.
 */
export const MessageType = {
  LOG: 1,
  PROGRESS: 2,
  SUSPEND: 3,
  SWITCH_QEMU_LOGDIRTY: 7,
  STATIC_DATA_DONE: 8,
  RESTORE_RESULTS: 9,
  COMPLETE: 10,
} as const;

type Argument =
  | { readonly u32: number }
  | { readonly i32: number }
  | { readonly u64: number }
  | { readonly text: string };

/** In characters. Two of them, of three bytes each at most, leave room in a message of 64 KiB. */
const LONGEST_TEXT = 8_000;

/** A log line without an errno. */
const NO_ERRNO = -1;

export function logMessage(level: number, errno: number | undefined, context: string, text: string): Buffer {
  return message(MessageType.LOG, { u32: level }, { i32: errno ?? NO_ERRNO }, { text: context }, { text });
}

export function progressMessage(context: string, what: string, done: number, total: number): Buffer {
  return message(MessageType.PROGRESS, { text: context }, { text: what }, { u64: done }, { u64: total });
}

export function suspendMessage(): Buffer {
  return message(MessageType.SUSPEND);
}

export function switchQemuLogDirtyMessage(domid: number, enable: boolean): Buffer {
  return message(MessageType.SWITCH_QEMU_LOGDIRTY, { u32: domid }, { u32: enable ? 1 : 0 });
}

/** `missing`: bit 0 CPUID policy, bit 1 MSR policy. */
export function staticDataDoneMessage(missing: number): Buffer {
  return message(MessageType.STATIC_DATA_DONE, { u32: missing });
}

export function restoreResultsMessage(storeGfn: number, consoleGfn: number): Buffer {
  return message(MessageType.RESTORE_RESULTS, { u64: storeGfn }, { u64: consoleGfn });
}

export function completeMessage(retval: number, errno: number): Buffer {
  return message(MessageType.COMPLETE, { i32: retval }, { i32: errno });
}

function message(type: number, ...args: readonly Argument[]): Buffer {
  const body = Buffer.concat([u16(type), ...args.map(encode)]);
  return Buffer.concat([u16(body.length), body]);
}

function u16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function encode(arg: Argument): Buffer {
  if ('text' in arg) return encodeText(arg.text);
  const bytes = Buffer.alloc('u64' in arg ? 8 : 4);
  if ('u64' in arg) bytes.writeBigUInt64LE(BigInt(Math.max(0, Math.trunc(arg.u64))));
  else if ('u32' in arg) bytes.writeUInt32LE(arg.u32);
  else bytes.writeInt32LE(arg.i32);
  return bytes;
}

/** One line: the log's lines are ended by libxl, and a NUL would end the text. */
function encodeText(text: string): Buffer {
  const line = text.slice(0, LONGEST_TEXT).replaceAll(/[\0\n\r]+/g, ' ');
  const bytes = Buffer.from(`${line}\0`, 'utf8');
  const size = Buffer.alloc(4);
  size.writeUInt32LE(bytes.length);
  return Buffer.concat([size, bytes]);
}
