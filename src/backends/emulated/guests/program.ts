/**
 * A guest program. Its whole state is guest memory and registers; it keeps nothing in JavaScript. It runs in steps, and
 * each step has two halves: read registers and memory and translate every page it will touch; then commit() and
 * change memory. Registers may change at any time, since a step that meets a missing page gets them back. So a step happens wholly
 * or not at all, wherever it is interrupted.
 *
 * A program touches its own vCPU's partition only (layout.ts), so that memory is a function of the vCPUs' step counts however
 * they interleave.
 */
export interface Cpu {
  /** Guest-physical memory in words; index it with what read() and write() return. */
  readonly words: Uint32Array;
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** Translates a virtual page for reading (writing). Returns the index of its first word. Not after commit(). */
  read(vpn: number): number;
  write(vpn: number): number;
  /** From here on memory may be changed. */
  commit(): void;
  /** Forgets the translation of a page whose entry this program has changed. */
  invalidate(vpn: number): void;
  /** The step takes this many microseconds of guest time. Without a call: none, as fast as the machine goes. */
  takes(us: number): void;
  /** The step is done and the vCPU halts for this long. */
  idles(us: number): void;
  /** 32 random bits of the guest's own generator. */
  random(): number;
}

/** What a program is given when the guest is built. */
export interface Boot {
  /** Its registers; those of the layout (HEAP_PAGES …) are set. */
  readonly u32: Uint32Array;
  readonly f64: Float64Array;
  /** vCPUs of the guest, each of which does an equal share of what the specification asks for. */
  readonly vcpus: number;
}

export interface GuestProgram<Spec = never> {
  /** Number in the PROGRAM register: part of the state that migrates, so it never changes its meaning. */
  readonly id: number;
  configure(spec: Spec, boot: Boot): void;
  step(cpu: Cpu): void;
}
