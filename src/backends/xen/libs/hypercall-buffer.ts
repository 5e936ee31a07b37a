/** Memory that the hypervisor may write to: xc_hypercall_buffer_t and its pages (tools/include/xenctrl.h). */
import { BackendError, PAGE_SIZE } from '../../backend.js';
import { isNull, memoryAt } from './ffi.js';
import type { XenControl } from './xenctrl.js';

/** hbuf@0, param_shadow@8, dir@16, ubuf@24, sz@32. */
const STRUCT_BYTES = 40;

let open = 0;

/** Buffers of this process that have not been freed. */
export const hypercallBuffersOpen = (): number => open;

export class HypercallBuffer implements Disposable {
  /** The struct, to pass to libxc. */
  readonly struct = Buffer.alloc(STRUCT_BYTES);
  private readonly pages: number;
  private memory: Buffer | undefined;

  constructor(
    private readonly control: XenControl,
    bytes: number,
  ) {
    this.pages = Math.max(1, Math.ceil(bytes / PAGE_SIZE));
    const { ctrl, xch } = control;
    const address = ctrl.call<Buffer>('xc__hypercall_buffer_alloc_pages', xch, this.struct, this.pages);
    if (isNull(address)) throw new BackendError('NO_MEMORY', `no room for a hypercall buffer of ${this.pages} pages`);
    this.memory = memoryAt(address, this.pages * PAGE_SIZE);
    open++;
  }

  get bytes(): Buffer {
    if (!this.memory) throw new Error('the hypercall buffer has been freed');
    return this.memory;
  }

  /** Where the hypervisor finds the memory: the struct's hbuf, for calls that take it inside another. */
  get address(): bigint {
    return this.struct.readBigUInt64LE();
  }

  [Symbol.dispose](): void {
    if (!this.memory) return;
    this.memory = undefined;
    this.control.ctrl.call('xc__hypercall_buffer_free_pages', this.control.xch, this.struct, this.pages);
    open--;
  }
}
