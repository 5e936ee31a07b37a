/** What the fixture does as a toolstack would, outside the contract: domains by xl, xenstore, and the services of a bare shell. */
import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import type { ShellWiring } from '../../../src/backends/xen/index.js';
import { SharedLibrary } from '../../../src/backends/xen/libs/ffi.js';
import { Session } from '../../../src/backends/xen/session.js';

const run = promisify(execFile);

const XL_TIMEOUT_MS = 120_000;
const POLL_MS = 20;
const CONSOLE_TIMEOUT_MS = 20_000;
/** Where xenstored, xenconsoled and this run. */
const DOM0 = 0;
/** A guest's is 256. */
const DOM0_WEIGHT = 4096;
/** struct xs_permissions' letters, as xenstore-chmod takes them: owned by dom0, read by the domain. */
const readableBy = (domid: number): string[] => ['n0', `r${domid}`];

export interface Booting {
  readonly name: string;
  /** An xl configuration file. */
  readonly config: string;
  readonly memoryMB: number;
  readonly vcpus: number;
  /** Of the kernel, e.g. `xenferry.agent=pages=128`. */
  readonly commandLine: string;
}

export class Toolstack {
  private readonly session = new Session();
  private readonly xenstore = openXenstore();
  private creating: Promise<unknown> = Promise.resolve();

  /** Resolves to the domid; the guest is only beginning to boot. */
  create(booting: Booting): Promise<number> {
    const { name, config, memoryMB, vcpus, commandLine } = booting;
    const settings = [`name="${name}"`, `memory=${memoryMB}`, `vcpus=${vcpus}`, `extra="${commandLine}"`];
    return this.born(name, ['create', '-q', '-e', config, ...settings]);
  }

  /** Writes a running domain to a file; it runs on. */
  async save(domid: number, file: string): Promise<void> {
    await run('xl', ['save', '-c', `${domid}`, file], { timeout: XL_TIMEOUT_MS });
  }

  /** Another domain from such a file. `name` is the name it had, which no domain may have now. */
  restore(file: string, name: string): Promise<number> {
    return this.born(name, ['restore', '-e', file]);
  }

  /** The tests wait for dom0, and guests that scribble would take all the time they can get. */
  async preferDom0(): Promise<void> {
    await run('xl', ['sched-credit2', '-d', `${DOM0}`, '-w', `${DOM0_WEIGHT}`]);
  }

  rename(domid: number, name: string): void {
    this.session.store.write(`/local/domain/${domid}/name`, name);
  }

  /** The terminal of a domain's console, when xenconsoled has made it. */
  async consoleOf(domid: number): Promise<string> {
    const path = `/local/domain/${domid}/console/tty`;
    for (const deadline = performance.now() + CONSOLE_TIMEOUT_MS; performance.now() < deadline; await sleep(POLL_MS)) {
      const tty = this.session.store.read(path);
      if (tty) return tty;
    }
    throw new Error(`xenconsoled has made no console for domain ${domid}`);
  }

  /** Event channels of a bare shell, for the services that it will need when it runs. */
  wire(domid: number): ShellWiring {
    const port = (): number => {
      const what = 'no event channel';
      const { control } = this.session;
      return control.run(what, 'xc_evtchn_alloc_unbound', domid, [domid, DOM0]);
    };
    return { storePort: port(), storeDomid: DOM0, consolePort: port(), consoleDomid: DOM0 };
  }

  /** Gives a finished shell its place in xenstore and its console, as libxl does behind a restore. */
  async introduce(domid: number, wiring: ShellWiring, rings: { storeGfn: number; consoleGfn: number }): Promise<void> {
    const home = `/local/domain/${domid}`;
    const { store } = this.session;
    for (const [key, value] of Object.entries({
      'control/shutdown': '',
      'console/type': 'xenconsoled',
      'console/limit': '1048576',
      'console/output': 'pty',
      'console/port': `${wiring.consolePort}`,
      'console/ring-ref': `${rings.consoleGfn}`,
    })) {
      store.write(`${home}/${key}`, value);
    }
    await run('xenstore-chmod', ['-r', home, ...readableBy(domid)]);
    this.introduceTo(domid, rings.storeGfn, wiring.storePort);
  }

  /** Takes away what a domain that is gone has left in xenstore. */
  async forget(domid: number): Promise<void> {
    const vm = this.session.store.read(`/local/domain/${domid}/vm`);
    const left = [`/local/domain/${domid}`, `/libxl/${domid}`, ...(vm ? [vm] : [])];
    for (const path of left) await run('xenstore-rm', [path]).catch(() => undefined);
  }

  close(): void {
    this.xenstore.close();
    this.session.close();
  }

  /** One at a time: xl would wait for its lock anyway, and the name is to be one domain's. */
  private born(name: string, xl: readonly string[]): Promise<number> {
    const born = this.creating.then(async () => {
      await run('xl', xl, { timeout: XL_TIMEOUT_MS });
      const domid = this.domidOf(name);
      this.rename(domid, `${name}-${domid}`);
      return domid;
    });
    this.creating = born.catch(() => undefined);
    return born;
  }

  private introduceTo(domid: number, storeGfn: number, port: number): void {
    const { library, handle } = this.xenstore;
    if (!library.call<boolean>('xs_introduce_domain', handle, domid, storeGfn, port))
      throw new Error(`xenstored does not take domain ${domid}`);
  }

  private domidOf(name: string): number {
    const { control, store } = this.session;
    const domid = control.domains().find(({ domid }) => store.read(`/local/domain/${domid}/name`) === name)?.domid;
    if (domid === undefined) throw new Error(`xl has created ${name}, and it is not there`);
    return domid;
  }
}

interface Xenstore {
  readonly library: SharedLibrary;
  readonly handle: Buffer;
  close(): void;
}

function openXenstore(): Xenstore {
  const library = SharedLibrary.open(['libxenstore.so.4']);
  if (!library) throw new Error('there is no libxenstore.so.4');
  const handle = library.call<Buffer>('xs_open', 0);
  return { library, handle, close: () => library.call('xs_close', handle) };
}
