import type { DomainRequest, Fixture, Guest, RunningDomain } from '../../conformance/index.js';
import { TinyBackend } from './backend.js';
import type { TinyDomain } from './domain.js';

const GUEST_PAGES = 64;

/** A program that needs no orders relayed: it is a JavaScript object on the domain's only vCPU. */
class TinyGuest implements Guest {
  #scribbling: Promise<void> | undefined;
  #stop = false;

  constructor(
    private readonly domain: TinyDomain,
    readonly pages: Uint32Array,
  ) {}

  write(gfns: Uint32Array, value: number): Promise<void> {
    return this.domain.vcpu(() => {
      for (const gfn of gfns) this.domain.store(gfn, value);
    });
  }

  read(gfns: Uint32Array): Promise<Uint32Array> {
    return this.domain.vcpu(() => gfns.map((gfn) => this.domain.memory.words[gfn * 1024]));
  }

  sum(gfns: Uint32Array): Promise<Uint32Array> {
    const pageSum = (gfn: number): number =>
      this.domain.memory.words.subarray(gfn * 1024, (gfn + 1) * 1024).reduce((sum, word) => (sum + word) >>> 0, 0);
    return this.domain.vcpu(() => gfns.map(pageSum));
  }

  async scribble(gfns: Uint32Array): Promise<void> {
    const forever = async (): Promise<void> => {
      for (let n = 1; !this.#stop; n++) {
        await this.domain.vcpu(() => this.domain.store(gfns[n % gfns.length], n));
        if (n % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    };
    this.#stop = false;
    this.#scribbling = forever().catch(() => undefined);
  }

  async settle(): Promise<void> {
    this.#stop = true;
    await this.#scribbling;
  }

  async balloonOut(gfns: Uint32Array): Promise<void> {
    await this.domain.vcpu(() => undefined);
    await this.domain.memory.depopulate(gfns);
  }

  async refuseSuspend(): Promise<void> {
    throw new Error('lacking');
  }

  /** Ends the program without waiting: its domain may be paused for ever. */
  halt(): void {
    this.#stop = true;
  }
}

export const TINY_LACKS = {
  refuseSuspend: 'the tiny guest has no say in its suspension',
  attach: 'the tiny backend cannot receive',
  chooseVcpu: 'the tiny backend has no demand paging to try it on',
} as const;

export async function tinyFixture(): Promise<Fixture> {
  const backend = new TinyBackend();
  const guests: TinyGuest[] = [];
  const createDomain = async ({ name, pages, vcpus }: DomainRequest): Promise<RunningDomain> => {
    const domain = backend.create(name, pages, vcpus);
    const owned = Uint32Array.from({ length: GUEST_PAGES }, (_, i) => (i < 32 ? 8 + i : pages - GUEST_PAGES + i));
    const guest = new TinyGuest(domain, owned);
    guests.push(guest);
    return { domain, guest };
  };
  return {
    backend,
    createDomain,
    attach: () => Promise.reject(new Error('lacking')),
    async close() {
      for (const guest of guests) guest.halt();
      await backend.close();
    },
  };
}
