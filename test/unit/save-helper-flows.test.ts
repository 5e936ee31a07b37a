/** What a save and a restore ask of libxl and in which order, on emulated domains; the real ones move in test/xen-lab. */
import { createHash } from 'node:crypto';
import { type Domain, type HypervisorBackend, PageType } from '../../src/backends/backend.js';
import type { RestoreArguments, SaveArguments } from '../../src/libxl/save-helper/arguments.js';
import type { HelperOptions } from '../../src/libxl/save-helper/environment.js';
import { failureOf } from '../../src/libxl/save-helper/failure.js';
import { Libxl } from '../../src/libxl/save-helper/libxl.js';
import { type RestoreParts, type Rings, restore, type Shell } from '../../src/libxl/save-helper/restore.js';
import { type SaveParts, type SavingBackend, save } from '../../src/libxl/save-helper/save.js';
import { CalledOff } from '../../src/libxl/save-helper/stop-signal.js';
import { closeHosts, openHost, stepped } from '../support/emulated.js';
import { decodeMessages, type Message } from '../support/libxl-peer.js';
import { MemoryChannel } from '../support/memory-channel.js';

afterAll(closeHosts);

type Answer = (message: Message) => number | Promise<number>;
const SUSPEND = 3;
const QEMU = 7;
const STATIC = 8;

/** libxl in this process; what it is told and asked, without the log and progress. */
function peer(answer: Answer): { libxl: Libxl; asked: Message[]; logs: string[] } {
  const asked: Message[] = [];
  const logs: string[] = [];
  const replies: (number | Promise<number>)[] = [];
  const libxl = new Libxl({
    write(bytes) {
      const [message] = decodeMessages(Buffer.from(bytes)).messages;
      if (message.type === 1) logs.push(String(message.args[3]));
      if (message.type <= 2) return;
      asked.push(message);
      replies.push(answer(message));
    },
    async read(into) {
      const reply = await replies.shift();
      if (reply === undefined) throw new Error('the pipe has ended');
      Buffer.from(into.buffer, into.byteOffset, into.length).writeInt32LE(reply);
    },
  });
  return { libxl, asked, logs };
}

const SAVE: SaveArguments = {
  side: 'save',
  streamFd: 3,
  domid: 0,
  live: true,
  debug: false,
  callbacks: (1 << SUSPEND) | (1 << QEMU),
  streamType: 'plain',
};
const RESTORE: RestoreArguments = {
  side: 'restore',
  streamFd: 3,
  domid: 0,
  storePort: 1,
  storeDomid: 0,
  consolePort: 2,
  consoleDomid: 0,
  callbacks: (1 << STATIC) | (1 << 9),
  streamType: 'plain',
};

const OPTIONS: HelperOptions = {
  strategy: 'precopy',
  prepullWindow: 'adaptive',
  recordedSet: false,
  elideZeroPages: true,
};

interface Saving {
  readonly domain: Domain;
  readonly asked: Message[];
  readonly logs: string[];
  readonly stream: MemoryChannel;
  readonly saved: Promise<unknown>;
}

/** An emulated host, as one whose domains have a uuid, and these PCI devices. */
function withDevices(host: HypervisorBackend, devices: readonly string[] = []): SavingBackend {
  const { domain } = host;
  const uuid = '00000000-0000-4000-8000-000000000000';
  const identified = async (domid: number) => Object.assign(await domain.call(host, domid), { uuid });
  return Object.assign(host, { pciDevices: () => devices, domain: identified });
}

async function saving(
  args: Partial<SaveArguments>,
  answer: Answer,
  { devices, ...over }: Partial<SaveParts> & { devices?: readonly string[] } = {},
): Promise<Saving> {
  const { host, domain } = await stepped();
  const suspending: Answer = async (message) => {
    const reply = await answer(message);
    if (message.type === SUSPEND && reply === 1) await domain.suspend();
    return reply;
  };
  const { libxl, asked, logs } = peer(suspending);
  const stream = new MemoryChannel();
  const saved = save({
    backend: withDevices(host, devices),
    args: { ...SAVE, domid: domain.domid, ...args },
    options: OPTIONS,
    libxl,
    stream,
    signal: new AbortController().signal,
    outlives: false,
    done: async () => undefined,
    quiet: async () => undefined,
    ...over,
  });
  return { domain, asked, logs, stream, saved };
}

/** 1 to the suspend, 0 to all else. */
const willing: Answer = ({ type }) => (type === SUSPEND ? 1 : 0);
const isLogged = async (domain: Domain): Promise<boolean> => {
  try {
    await domain.logDirty.enable();
    await domain.logDirty.disable();
    return false;
  } catch {
    return true;
  }
};

describe('a live save', () => {
  it('has QEMU log its writes, asks for the suspend once, and has QEMU stop', async () => {
    const { domain, asked, saved } = await saving({}, willing);
    await saved;
    expect(asked.map(({ type, args }) => [type, ...args])).toEqual([
      [QEMU, domain.domid, 1],
      [SUSPEND],
      [QEMU, domain.domid, 0],
    ]);
    expect((await domain.info()).suspended).toBe(true);
    expect(await isLogged(domain)).toBe(false);
  });

  it('lets libxl go on when all is written, and neither QEMU nor the hypervisor logs any more', async () => {
    const seen: unknown[] = [];
    const done = async (): Promise<void> => {
      seen.push(asked.at(-1), stream.bytesWritten, await isLogged(domain));
    };
    const { domain, asked, stream, saved } = await saving({}, willing, { done });
    await saved;
    expect(seen).toEqual([{ type: QEMU, args: [domain.domid, 0] }, stream.bytesWritten, false]);
  });

  it('asks nothing that libxl does not listen to', async () => {
    const { asked, saved } = await saving({ callbacks: 1 << SUSPEND }, willing);
    await saved;
    expect(asked.map(({ type }) => type)).toEqual([SUSPEND]);
  });

  it('fails with the reason when the guest does not suspend, and leaves it running', async () => {
    const { domain, asked, saved } = await saving({}, () => 0);
    const error = await saved.catch((thrown: unknown) => thrown);
    expect(failureOf(error)).toMatchObject({ code: 'SUSPEND_FAILED', errno: 110 });
    expect(asked.at(-1)).toEqual({ type: QEMU, args: [domain.domid, 0] });
    expect(await domain.info()).toMatchObject({ suspended: false, paused: false });
    expect(await isLogged(domain)).toBe(false);
  });

  it('does not believe a suspend that has not happened', async () => {
    const { host, domain } = await stepped();
    const { libxl } = peer(willing);
    const parts = { backend: withDevices(host), options: OPTIONS, libxl, stream: new MemoryChannel() };
    const { signal } = new AbortController();
    const saved = save({
      ...parts,
      args: { ...SAVE, domid: domain.domid },
      signal,
      outlives: false,
      done: async () => undefined,
      quiet: async () => undefined,
    });
    await expect(saved).rejects.toThrow('it has not been suspended');
  });

  it('does not begin where QEMU cannot log', async () => {
    const { domain, stream, saved } = await saving({}, ({ type }) => (type === QEMU ? -1 : 1));
    await expect(saved).rejects.toMatchObject({ code: 'HYPERVISOR' });
    expect(stream.bytesWritten).toBe(0);
    expect((await domain.info()).suspended).toBe(false);
  });

  it('that is called off leaves the domain as it was', async () => {
    const controller = new AbortController();
    const called: Answer = ({ type }) => {
      if (type === QEMU) controller.abort(new CalledOff('SIGTERM'));
      return 0;
    };
    const { domain, saved } = await saving({}, called, { signal: controller.signal });
    await expect(saved).rejects.toThrow();
    expect(failureOf(controller.signal.reason)).toMatchObject({ code: 'CANCELLED', errno: 4 });
    expect((await domain.info()).suspended).toBe(false);
    expect(await isLogged(domain)).toBe(false);
  });

  it.each([
    [{ debug: true }, 'debug'],
    [{ streamType: 'remus' as const }, 'Remus'],
    [{ streamType: 'colo' as const }, 'COLO'],
  ])('refuses %j, and says what to do', async (args, says) => {
    const { asked, saved } = await saving(args, willing);
    const error = await saved.catch((thrown: unknown) => thrown);
    expect(failureOf(error)).toMatchObject({
      code: 'NOT_SUPPORTED',
      errno: 95,
      message: expect.stringContaining(says),
    });
    expect(failureOf(error).remedy).toContain('LIBXL_SAVE_HELPER');
    expect(asked).toEqual([]);
  });

  it('of a domain with PCI devices is refused before anything is touched, and names them', async () => {
    const devices = ['0000:03:00.0', '0000:03:00.1'];
    const { domain, asked, stream, saved } = await saving({}, willing, { devices });
    const enabled = jest.spyOn(domain.logDirty, 'enable');
    const failure = failureOf(await saved.catch((thrown: unknown) => thrown));
    expect(failure).toMatchObject({ code: 'NOT_SUPPORTED', errno: 95 });
    for (const device of devices) expect(failure.message).toContain(device);
    expect(failure.remedy).toContain(`xl pci-detach ${domain.domid} `);
    expect([asked, stream.bytesWritten]).toEqual([[], 0]);
    expect(enabled).not.toHaveBeenCalled();
    expect((await domain.info()).suspended).toBe(false);
  });

  it('of a domain that is not there says so', async () => {
    const { saved } = await saving({ domid: 4321 }, willing);
    const error = await saved.catch((thrown: unknown) => thrown);
    expect(failureOf(error)).toMatchObject({ code: 'NO_SUCH_DOMAIN', errno: 3 });
  });
});

describe('a save that is not live', () => {
  it('stops the domain before its first page, sends each once, and needs no log-dirty', async () => {
    const { host, domain } = await stepped();
    let written = -1;
    const stream = new MemoryChannel();
    const { libxl, asked } = peer(async ({ type }) => {
      if (type !== SUSPEND) return 0;
      written = stream.bytesWritten;
      await domain.suspend();
      return 1;
    });
    const enabled = jest.spyOn(domain.logDirty, 'enable');
    const args = { ...SAVE, domid: domain.domid, live: false };
    const { signal } = new AbortController();
    const report = await save({
      backend: withDevices(host),
      args,
      options: OPTIONS,
      libxl,
      stream,
      signal,
      outlives: false,
      done: async () => undefined,
      quiet: async () => undefined,
    });
    expect(written).toBe(0);
    expect(report.maxSendsPerPage).toBe(1);
    expect(enabled).not.toHaveBeenCalled();
    expect(asked.filter(({ type }) => type === SUSPEND)).toHaveLength(1);
  });
});

describe('a save that is not live, of a domain with PCI devices', () => {
  it("does as libxc's own: nothing need be followed", async () => {
    const { domain, stream, saved } = await saving({ live: false }, willing, { devices: ['0000:03:00.0'] });
    await saved;
    expect(stream.bytesWritten).toBeGreaterThan(0);
    expect((await domain.info()).suspended).toBe(true);
  });
});

describe('a restore', () => {
  async function saved(): Promise<{ bytes: Uint8Array; digest: string }> {
    const { domain, stream, saved } = await saving({}, willing);
    await saved;
    return { bytes: stream.written(), digest: await digestOf(domain) };
  }

  async function restoring(bytes: Uint8Array, answer: Answer = () => 0, over: Partial<RestoreParts> = {}) {
    const host = openHost();
    const domain = await host.createShell({ name: 'incoming', guestType: 'hvm', maxPages: 2048, vcpus: 1 });
    const shell = Object.assign(domain, {
      uuid: '11',
      missingStaticData: () => 2,
      rings: () => ({ storeGfn: 11, consoleGfn: 12 }),
    }) as Shell;
    const { libxl, asked } = peer(answer);
    const stream = new MemoryChannel(bytes);
    const args = { ...RESTORE, domid: domain.domid };
    const { signal } = new AbortController();
    const told: Rings[] = [];
    const parts = {
      backend: host,
      adopt: async () => shell,
      args,
      options: OPTIONS,
      libxl,
      stream,
      signal,
      outlives: false,
    };
    const done = restore({
      ...parts,
      done: async (rings) => void told.push(rings),
      quiet: async () => undefined,
      ...over,
    });
    return { domain, asked, stream, done, told };
  }

  it('fills the domain, tells what static data is missing, and leaves it paused', async () => {
    const { bytes, digest } = await saved();
    const { domain, asked, done, told } = await restoring(bytes);
    await done;
    expect(told).toEqual([{ storeGfn: 11, consoleGfn: 12 }]);
    expect(asked).toEqual([{ type: STATIC, args: [2] }]);
    expect(await domain.info()).toMatchObject({ paused: true });
    expect(await digestOf(domain)).toBe(digest);
  });

  it('reads END and no byte further', async () => {
    const { bytes } = await saved();
    const { stream, done } = await restoring(
      new Uint8Array(Buffer.concat([bytes, Buffer.from('what libxl reads next')])),
    );
    await done;
    expect(stream.bytesRead).toBe(bytes.length);
  });

  it('fails if libxl cannot make up for static data', async () => {
    const { bytes } = await saved();
    const { domain, done } = await restoring(bytes, () => -1);
    const error = await done.catch((thrown: unknown) => thrown);
    expect(failureOf(error)).toMatchObject({ code: 'HYPERVISOR', message: expect.stringContaining('libxl') });
    // It is libxl's to destroy.
    expect((await domain.info()).domid).toBe(domain.domid);
  });

  it.each([
    ['truncated', (bytes: Uint8Array) => bytes.slice(0, -20), 'TRUNCATED', 61],
    ['no stream', () => new Uint8Array(Buffer.from('GET / HTTP/1.1\r\n\r\n'.repeat(4))), 'BAD_MAGIC', 22],
    ['of a version to come', (bytes: Uint8Array) => bytes.with(15, 9), 'BAD_VERSION', 22],
    ['of a newer Xen', (bytes: Uint8Array) => bytes.with(36, 99), 'NEWER_HYPERVISOR', 22],
    ['of a PV domain', (bytes: Uint8Array) => bytes.with(24, 1), 'INVALID_ARGUMENT', 22],
  ])('of a stream that is %s says so', async (_what, damaged, code, errno) => {
    const { bytes } = await saved();
    const { done } = await restoring(damaged(bytes));
    const error = await done.catch((thrown: unknown) => thrown);
    expect(failureOf(error)).toMatchObject({ code, errno });
    expect(failureOf(error).remedy).toBeTruthy();
  });
});

/** Of all pages that a domain has. */
async function digestOf(domain: Domain): Promise<string> {
  const hash = createHash('sha1');
  const { nrGfns } = await domain.info();
  for (let gfn = 0; gfn < nrGfns; gfn++) {
    const gfns = Uint32Array.of(gfn);
    if ((await domain.memory.types(gfns))[0] !== PageType.NOTAB) continue;
    using mapping = await domain.memory.map(gfns, 'read');
    hash.update(`${gfn} `).update(mapping.base.subarray(mapping.slots[0] * 4096, (mapping.slots[0] + 1) * 4096));
  }
  return hash.digest('hex');
}
