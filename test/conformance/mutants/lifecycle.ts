import { BackendError, type Domain } from '../../../src/backends/backend.js';
import { backends, domains, type Mutant, override, paging, state, swallow } from './wrap.js';

const CPUID_POLICY = 0x11;

/** Looks paused and runs. */
function pretendsToPause(domain: Domain): Partial<Domain> {
  let paused = 0;
  return {
    async pause() {
      paused++;
    },
    async unpause() {
      paused--;
    },
    info: async () => ({ ...(await domain.info()), paused: paused > 0 }),
  };
}

export const LIFECYCLE_MUTANTS: readonly Mutant[] = [
  { name: 'a pause() that does not', caughtBy: ['MUST 6'], mutate: domains(pretendsToPause) },
  {
    name: 'pauses that are not counted',
    caughtBy: ['MUST 6: pauses are counted'],
    mutate: domains((domain) => ({
      async unpause() {
        do await domain.unpause();
        while ((await domain.info()).paused);
      },
    })),
  },
  {
    name: 'an unpause() of what runs',
    caughtBy: ['MUST 7'],
    mutate: domains((domain) => ({ unpause: () => swallow(domain.unpause()) })),
  },
  {
    name: 'an unpause() that resumes',
    caughtBy: ['MUST 8'],
    mutate: domains((domain) => ({
      async unpause() {
        await domain.unpause();
        if ((await domain.info()).suspended) await domain.resume();
      },
    })),
  },
  {
    name: 'a failed suspend() that says nothing',
    caughtBy: ['MUST 9'],
    mutate: domains((domain) => ({ suspend: () => swallow(domain.suspend()) })),
  },
  {
    name: 'a failed suspend() that leaves the guest stopped',
    caughtBy: ['MUST 9'],
    mutate: domains((domain) => ({
      async suspend() {
        await domain.suspend().catch(async (error: unknown) => {
          await domain.pause();
          throw error;
        });
      },
    })),
  },
  {
    name: 'a destroy() that only pauses',
    caughtBy: ['MUST 5', 'MUST 10: after destroy()'],
    mutate: domains((domain) => ({ destroy: () => domain.pause() })),
  },
  {
    name: 'domain() that gives the next domid',
    caughtBy: ['MUST 3: a domid without'],
    mutate: backends((backend) => ({
      async domain(domid) {
        const next = (await backend.listDomains()).find((info) => info.domid >= domid);
        return backend.domain(next?.domid ?? domid);
      },
    })),
  },
  {
    name: 'a domid cut to 16 bits',
    caughtBy: ['MUST 3: a domid is never truncated'],
    mutate: backends((backend) => ({ domain: (domid) => backend.domain(domid & 0xffff) })),
  },
  {
    name: 'a close() that leaves the door open',
    caughtBy: ['MUST 2: after close()'],
    mutate: backends(() => ({ close: async () => undefined, [Symbol.asyncDispose]: async () => undefined })),
  },
  {
    name: 'a second close() that fails',
    caughtBy: ['MUST 2: a second close()'],
    mutate: backends((backend) => {
      let closed = false;
      return {
        async close() {
          if (closed) throw new BackendError('CLOSED', 'closed already');
          closed = true;
          await backend.close();
        },
      };
    }),
  },
  {
    name: 'a promise of more memory than there is',
    caughtBy: ['MUST 4'],
    mutate: backends((backend) => ({
      createShell: (shell) => backend.createShell({ ...shell, maxPages: Math.min(shell.maxPages, 64) }),
    })),
  },
  {
    name: 'a refused shell that is left behind',
    caughtBy: ['MUST 4'],
    mutate: backends((backend) => ({
      async createShell(shell) {
        if (shell.maxPages > backend.capabilities.maxPages) await backend.createShell({ ...shell, maxPages: 64 });
        return backend.createShell(shell);
      },
    })),
  },
  {
    name: 'capabilities that change when the backend closes',
    caughtBy: ['capabilities are the same'],
    mutate: backends((backend) => {
      let capabilities = backend.capabilities;
      return {
        get capabilities() {
          return capabilities;
        },
        async close() {
          capabilities = { ...capabilities, logDirty: false };
          await backend.close();
        },
      };
    }),
  },
  {
    name: 'a save() of a running domain',
    caughtBy: ['MUST 36'],
    mutate: state((good) => ({ save: () => good.save().catch(() => good.saveStatic()) })),
  },
  {
    name: 'malformed records that are accepted',
    caughtBy: ['MUST 37'],
    mutate: state((good) => ({ restore: (record) => good.restore(record).catch(() => true) })),
  },
  {
    name: 'unknown records that are accepted',
    caughtBy: ['a record of a type that it does not know'],
    mutate: state((good) => ({
      async restore(record) {
        await good.restore(record);
        return true;
      },
    })),
  },
  {
    name: 'a finishStatic() that cannot do without policies',
    caughtBy: ['MUST 44'],
    mutate: state((good) => {
      let told = false;
      return {
        async restore(record) {
          told ||= record.type === CPUID_POLICY;
          return good.restore(record);
        },
        async finishStatic() {
          if (!told) throw new BackendError('INVALID_STATE', 'no CPU policy has been restored');
          await good.finishStatic();
        },
      };
    }),
  },
  {
    name: 'a finishStatic() that gives the domain its first page',
    caughtBy: ['MUST 44'],
    mutate: state((good, domain) => ({
      async finishStatic() {
        await good.finishStatic();
        await domain.memory.populate(Uint32Array.of(0));
      },
    })),
  },
  {
    name: 'policies that a running domain is given',
    caughtBy: ['MUST 46'],
    mutate: state((good) => ({ finishStatic: () => swallow(good.finishStatic()) })),
  },
  {
    name: 'a version that nobody knows',
    caughtBy: ['MUST 47: state has one version'],
    mutate: state(() => ({ version: { major: Number.NaN, minor: Number.NaN } })),
  },
  {
    name: 'a version that counts up',
    caughtBy: ['MUST 47: state has one version'],
    mutate: state(({ version }) => {
      let asked = 0;
      return {
        get version() {
          return { ...version, minor: version.minor + asked++ };
        },
      };
    }),
  },
  {
    name: 'a shell that comes from an older host',
    caughtBy: ['MUST 47: the state of a shell'],
    mutate: backends((backend) => ({
      async createShell(shell) {
        const domain = await backend.createShell(shell);
        const { major } = domain.state.version;
        return override(domain, { state: override(domain.state, { version: { major: major - 1, minor: 0 } }) });
      },
    })),
  },
  {
    name: 'a finish() that starts the domain',
    caughtBy: ['MUST 38'],
    mutate: state((good, domain) => ({
      async finish() {
        await good.finish();
        await domain.unpause();
      },
    })),
  },
];

/** Where the capability is false: what is not supported does nothing, silently. */
export const SILENT_MUTANTS: readonly Mutant[] = [
  {
    name: 'demand paging that silently does nothing',
    caughtBy: ['MUST 1: demand paging'],
    mutate: paging(() => ({
      enable: async () => undefined,
      evict: async (gfns) => new Int32Array(gfns.length),
      load: async (gfns) => new Int32Array(gfns.length),
      disable: async () => undefined,
    })),
  },
  {
    name: 'a refusal without a remedy',
    caughtBy: ['MUST 1: demand paging', 'MUST 1: createShell()'],
    mutate: (factory) => async () => {
      const refuse = async (): Promise<never> => {
        throw new BackendError('NOT_SUPPORTED', 'no');
      };
      const bare = { enable: refuse, evict: refuse, load: refuse, disable: refuse };
      const fixture = await domains(() => ({ paging: bare }))(factory)();
      return override(fixture, { backend: override(fixture.backend, { createShell: refuse }) });
    },
  },
];
