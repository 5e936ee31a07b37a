import {
  BackendError,
  type DemandPaging,
  type Domain,
  type DomainInfo,
  Errno,
  PAGE_SIZE,
  type PlatformState,
} from '../../../src/backends/backend.js';
import { TinyLog } from './log.js';
import { TinyMemory } from './memory.js';

/** What a domain asks of its backend. */
export interface Registry {
  /** Throws if the backend is closed or the domain gone. */
  check(): void;
  /** Throws if the backend is closed. */
  checkOpen(): void;
  forget(): void;
}

const HVM_CONTEXT = 9;
const VERSION = { major: 1, minor: 0 };

const noPaging = async (): Promise<never> => {
  throw new BackendError('NOT_SUPPORTED', 'this backend has no demand paging', {
    remedy: 'migrate by precopy, or to a host whose capabilities say `demandPaging`',
  });
};

export class TinyDomain implements Domain {
  readonly logDirty: TinyLog;
  readonly memory: TinyMemory;
  readonly state: PlatformState;
  readonly paging: DemandPaging = { enable: noPaging, evict: noPaging, load: noPaging, disable: noPaging };
  #pauses = 0;
  #suspended = false;
  #dead = false;
  #wake: (() => void)[] = [];

  constructor(
    readonly domid: number,
    private readonly name: string,
    pages: number,
    private readonly vcpus: number,
    private readonly registry: Registry,
  ) {
    this.memory = new TinyMemory(pages, registry, () => this.#suspended);
    this.logDirty = new TinyLog(pages, registry.check);
    this.state = this.#platformState();
  }

  async info(): Promise<DomainInfo> {
    this.registry.check();
    return {
      domid: this.domid,
      name: this.name,
      guestType: 'hvm',
      pagingMode: 'hap',
      vcpus: this.vcpus,
      nrGfns: this.memory.pages,
      populatedPages: this.memory.populated,
      maxPages: this.memory.pages,
      pagedPages: 0,
      paused: this.#pauses > 0,
      suspended: this.#suspended,
      dying: false,
    };
  }

  async pause(): Promise<void> {
    this.registry.check();
    this.#pauses++;
  }

  async unpause(): Promise<void> {
    this.registry.check();
    if (this.#pauses === 0) throw new BackendError('INVALID_STATE', 'not paused', { errno: Errno.EINVAL });
    this.#pauses--;
    this.#stir();
  }

  async suspend(): Promise<void> {
    this.registry.check();
    this.#suspended = true;
  }

  async resume(): Promise<void> {
    this.registry.check();
    this.#suspended = false;
    this.#stir();
  }

  async destroy(): Promise<void> {
    this.registry.check();
    this.registry.forget();
    this.#dead = true;
    this.#stir();
  }

  /** The guest's one instruction: it happens when the vCPU may run, and never in a domain that is gone. */
  async vcpu<T>(instruction: () => T): Promise<T> {
    while (this.#pauses > 0 || this.#suspended) await new Promise<void>((resolve) => this.#wake.push(resolve));
    if (this.#dead) throw new Error('the guest is gone');
    return instruction();
  }

  store(gfn: number, word: number): void {
    this.logDirty.mark(gfn);
    this.memory.words[(gfn * PAGE_SIZE) / 4] = word;
  }

  #stir(): void {
    for (const wake of this.#wake.splice(0)) wake();
  }

  #platformState(): PlatformState {
    const check = (): void => this.registry.check();
    const refuse = async (): Promise<never> => {
      check();
      throw new BackendError('INVALID_STATE', 'only a shell takes state');
    };
    return {
      version: VERSION,
      saveStatic: async () => {
        check();
        return [];
      },
      save: async () => {
        check();
        if (!this.#suspended) throw new BackendError('INVALID_STATE', 'the domain is not suspended');
        return [{ type: HVM_CONTEXT, body: Uint8Array.of(this.vcpus) }];
      },
      restore: refuse,
      finishStatic: refuse,
      finish: refuse,
    };
  }
}
