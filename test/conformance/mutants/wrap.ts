/** A good backend with one thing wrong. */
import type {
  DemandPaging,
  Domain,
  ForeignMemory,
  HeldPages,
  HypervisorBackend,
  LogDirty,
  PlatformState,
} from '../../../src/backends/backend.js';
import type { Factory } from '../fixture.js';

export interface Mutant {
  /** What is wrong, as the beginning of "… is caught by the suite". */
  readonly name: string;
  /** Beginnings of the titles of which each must have a test that fails. */
  readonly caughtBy: readonly string[];
  readonly mutate: (good: Factory) => Factory;
}

/** `target` with some members replaced. Its own methods keep their `this`. */
export function override<T extends object>(target: T, patch: Partial<T>): T {
  return new Proxy(target, {
    get(good, key) {
      if (key in patch) return Reflect.get(patch, key);
      const member: unknown = Reflect.get(good, key, good);
      return typeof member === 'function' ? member.bind(good) : member;
    },
  });
}

/** Every handle on a domain that the backend gives out is changed, however it was got. */
export function domains(change: (good: Domain) => Partial<Domain>): Mutant['mutate'] {
  const mutate = (domain: Domain): Domain => override(domain, change(domain));
  return (factory) => async () => {
    const fixture = await factory();
    const { backend } = fixture;
    return override(fixture, {
      backend: override(backend, {
        domain: async (domid) => mutate(await backend.domain(domid)),
        createShell: async (shell) => mutate(await backend.createShell(shell)),
      }),
      createDomain: async (request) => {
        const { domain, guest } = await fixture.createDomain(request);
        return { domain: mutate(domain), guest };
      },
    });
  };
}

export function backends(change: (good: HypervisorBackend) => Partial<HypervisorBackend>): Mutant['mutate'] {
  return (factory) => async () => {
    const fixture = await factory();
    return override(fixture, { backend: override(fixture.backend, change(fixture.backend)) });
  };
}

export const logDirty = (change: (good: LogDirty, domain: Domain) => Partial<LogDirty>): Mutant['mutate'] =>
  domains((domain) => ({ logDirty: override(domain.logDirty, change(domain.logDirty, domain)) }));

export const memory = (change: (good: ForeignMemory, domain: Domain) => Partial<ForeignMemory>): Mutant['mutate'] =>
  domains((domain) => ({ memory: override(domain.memory, change(domain.memory, domain)) }));

export const held = (change: (good: HeldPages) => Partial<HeldPages>): Mutant['mutate'] =>
  memory((good) => ({
    async hold(bitmap, pages) {
      const held = await good.hold(bitmap, pages);
      return override(held, change(held));
    },
  }));

export const paging = (change: (good: DemandPaging, domain: Domain) => Partial<DemandPaging>): Mutant['mutate'] =>
  domains((domain) => ({ paging: override(domain.paging, change(domain.paging, domain)) }));

export const state = (change: (good: PlatformState, domain: Domain) => Partial<PlatformState>): Mutant['mutate'] =>
  domains((domain) => ({ state: override(domain.state, change(domain.state, domain)) }));

/** Resolves instead of rejecting. */
export async function swallow(promise: Promise<void>): Promise<void> {
  await promise.catch(() => undefined);
}
