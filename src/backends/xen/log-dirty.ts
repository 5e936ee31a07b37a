/** Log-dirty mode: XEN_DOMCTL_shadow_op (xen/arch/x86/mm/paging.c, paging_log_dirty_op). */
import { BackendError, type DirtyStats, Errno, type LogDirty } from '../backend.js';
import { hasLogdirtyControl } from './libs/abi.js';
import { type Failure, xenError } from './libs/errors.js';
import { HypercallBuffer } from './libs/hypercall-buffer.js';
import type { Session } from './session.js';

/** XEN_DOMCTL_SHADOW_OP_*. */
const Op = { OFF: 0, ENABLE_LOGDIRTY: 2, CLEAN: 11, PEEK: 12 } as const;
/** XEN_DOMCTL_SHADOW_LOGDIRTY_FINAL. */
const FINAL = 1;
/** xc_shadow_op_stats_t: u32 fault_count, u32 dirty_count. */
const STATS_BYTES = 8;

export class XenLogDirty implements LogDirty {
  /** Made at the first use, and kept as long as log-dirty is on. */
  private buffer: HypercallBuffer | undefined;
  private forget: (() => void) | undefined;
  private busy = false;

  constructor(
    private readonly session: Session,
    private readonly domid: number,
  ) {}

  enable(): Promise<void> {
    return this.exclusively(() => this.switchTo(Op.ENABLE_LOGDIRTY));
  }

  disable(): Promise<void> {
    return this.exclusively(async () => {
      await this.switchTo(Op.OFF);
      this.freeBuffer();
    });
  }

  peek(pages: number, bitmap?: Uint8Array): Promise<DirtyStats> {
    return this.exclusively(() => this.read(Op.PEEK, pages, bitmap, 0));
  }

  clean(pages: number, bitmap?: Uint8Array, final = false): Promise<DirtyStats> {
    return this.exclusively(() => this.read(Op.CLEAN, pages, bitmap, final ? FINAL : 0));
  }

  private async switchTo(op: number): Promise<void> {
    const { control, ops } = this.session;
    const address = control.ctrl.address('xc_shadow_control');
    // 4.16 took the bitmap, the pages and the statistics out of its arguments.
    const args = hasLogdirtyControl(control.ctrl)
      ? [control.address, this.domid, op, null, 0]
      : [control.address, this.domid, op, null, 0, null, 0, null];
    const [result, errno] = await ops.callOffLoop(address, args);
    if (result < 0)
      throw this.error(op, op === Op.OFF ? 'log-dirty cannot be turned off' : 'log-dirty cannot be turned on', errno);
  }

  private async read(op: number, pages: number, bitmap: Uint8Array | undefined, mode: number): Promise<DirtyStats> {
    const bytes = checkedLength(this.domid, pages, bitmap);
    const { control, ops } = this.session;
    const buffer = bitmap && bytes > 0 ? this.bufferOf(bytes) : undefined;
    const stats = Buffer.alloc(STATS_BYTES);
    const struct = buffer?.struct ?? null;
    const { ctrl, address: xch } = control;
    const [result, errno] = hasLogdirtyControl(ctrl)
      ? await ops.callOffLoop(
          ctrl.address('xc_logdirty_control'),
          [xch, this.domid, op, struct, pages, mode, stats],
          true,
        )
      : await ops.callOffLoop(ctrl.address('xc_shadow_control'), [
          xch,
          this.domid,
          op,
          struct,
          pages,
          null,
          mode,
          stats,
        ]);
    if (result < 0) throw this.error(op, 'its dirty bitmap cannot be read', errno);
    if (result !== pages)
      throw this.error(op, `the hypervisor reported ${result} pages where ${pages} were asked for`, Errno.EINVAL);
    if (buffer && bitmap) bitmap.set(buffer.bytes.subarray(0, bytes));
    return { pages, dirtyCount: stats.readUInt32LE(4), faultCount: stats.readUInt32LE(0) };
  }

  private bufferOf(bytes: number): HypercallBuffer {
    if (this.buffer && this.buffer.bytes.length >= bytes) return this.buffer;
    this.freeBuffer();
    this.buffer = new HypercallBuffer(this.session.control, bytes);
    this.forget = this.session.hold(() => this.freeBuffer());
    return this.buffer;
  }

  private freeBuffer(): void {
    this.buffer?.[Symbol.dispose]();
    this.buffer = undefined;
    this.forget?.();
    this.forget = undefined;
  }

  /** The hypervisor would make a second caller wait; the contract says BUSY, as Xen does for an operation in continuation. */
  private async exclusively<T>(body: () => Promise<T>): Promise<T> {
    this.session.domain(this.domid);
    if (this.busy) {
      const message = `domain ${this.domid}: another log-dirty operation is under way`;
      throw new BackendError('BUSY', message, {
        domid: this.domid,
        errno: Errno.EBUSY,
        remedy: 'wait until it has ended',
      });
    }
    this.busy = true;
    try {
      return await body();
    } finally {
      this.busy = false;
    }
  }

  private error(op: number, what: string, errno: number): BackendError {
    const failure: Failure = { what, errno, domid: this.domid };
    if (errno === Errno.EINVAL && op === Op.ENABLE_LOGDIRTY) {
      const why = 'it is on already, or the domain has no vCPU, or has a PCI device of this host';
      const remedy = 'another migration of it may be under way; if none is, disable log-dirty and try again';
      return xenError({ ...failure, what: `${what}: ${why}`, code: 'INVALID_STATE', remedy });
    }
    if (errno === Errno.EOPNOTSUPP) {
      const remedy = 'rebuild Xen with CONFIG_SHADOW_PAGING=y (Debian builds it without), or run the guest as PVH';
      return xenError({ ...failure, what: `${what}: a PV domain needs a hypervisor with SHADOW_PAGING`, remedy });
    }
    return xenError(failure);
  }
}

function checkedLength(domid: number, pages: number, bitmap: Uint8Array | undefined): number {
  if (!Number.isSafeInteger(pages) || pages < 0) {
    throw xenError({ what: `${pages} is not a number of pages`, errno: Errno.EINVAL, domid, code: 'INVALID_ARGUMENT' });
  }
  const bytes = Math.ceil(pages / 8);
  if (!bitmap || bitmap.length >= bytes) return bytes;
  const what = `${pages} pages need a bitmap of ${bytes} bytes, not ${bitmap.length}`;
  throw xenError({ what, errno: Errno.EFAULT, domid });
}
