/** A bounded number of equal buffers, made on first use; take() waits when all are out. */
export class BufferPool {
  private readonly free: Uint8Array[] = [];
  private readonly waiting: ((buffer: Uint8Array) => void)[] = [];
  private made = 0;

  constructor(
    private readonly bytes: number,
    private readonly most: number,
  ) {}

  async take(): Promise<Uint8Array> {
    const buffer = this.free.pop();
    if (buffer) return buffer;
    if (this.made < this.most) {
      this.made++;
      return new Uint8Array(this.bytes);
    }
    return new Promise((resolve) => this.waiting.push(resolve));
  }

  give(buffer: Uint8Array): void {
    const next = this.waiting.shift();
    if (next) next(buffer);
    else this.free.push(buffer);
  }
}
