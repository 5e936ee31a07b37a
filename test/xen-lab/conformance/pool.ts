/**
 * Domains that run, so that a test need not wait for one to boot. One that a test has destroyed or spoilt is replaced:
 * by a copy from an image where there is one of its kind, which takes a quarter of the time.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { XenHypervisor } from '../../../src/backends/xen/index.js';
import { Agent } from './agent.js';
import { Resident } from './resident.js';
import type { Toolstack } from './toolstack.js';

/** What a test can ask for that makes one domain another. */
export interface Kind {
  readonly vcpus: number;
  readonly memoryMB: number;
}

interface Image {
  readonly file: string;
  /** Name of the domain in it. */
  readonly name: string;
  readonly agent: Agent;
}

/** Pages the guest's program owns: half of what the suite samples at most. */
const OWNED = 128;
/** Where log-dirty's second leaf begins: a guest with memory beyond is to own pages on both sides. */
const LEAF = { gfn: 32_768, memoryMB: 128 };

const keyOf = ({ vcpus, memoryMB }: Kind): string => `${vcpus}x${memoryMB}`;

export class Pool {
  private readonly idle = new Map<string, Resident[]>();
  private readonly images = new Map<string, Promise<Image>>();
  private readonly folder = mkdtempSync(join(tmpdir(), 'conformance-'));
  private readonly xen = XenHypervisor.open();
  /** All that were made here and are not known to be gone. */
  private readonly made = new Set<number>();
  private booted = 0;
  private restored = 0;

  constructor(
    private readonly toolstack: Toolstack,
    private readonly config: string,
  ) {}

  get counts(): { booted: number; restored: number } {
    return { booted: this.booted, restored: this.restored };
  }

  /** Boots a domain of this kind, and keeps an image of it for those to come. */
  keepImage(kind: Kind): void {
    const image = this.makeImage(kind);
    // Its failure is told to whoever takes a domain.
    image.catch(() => undefined);
    this.images.set(keyOf(kind), image);
  }

  async take(kind: Kind): Promise<Resident> {
    const image = await this.images.get(keyOf(kind));
    const resident = this.shelf(kind).pop();
    if (resident) return resident;
    return image ? this.restore(image) : this.boot(kind);
  }

  /** Takes a domain back in whatever state it is. One that is past mending is destroyed. */
  async giveBack(kind: Kind, resident: Resident): Promise<void> {
    if (await makeGood(resident)) this.shelf(kind).push(resident);
    else await this.discard(resident);
  }

  /** Domids of all domains of this host but those named. */
  async others(mine: readonly number[]): Promise<number[]> {
    const all = await this.xen.listDomains();
    return all.map(({ domid }) => domid).filter((domid) => !mine.includes(domid));
  }

  /** Destroys a domain that may be there, and what it leaves in xenstore. */
  async remove(domid: number): Promise<void> {
    const domain = await this.xen.domain(domid).catch(() => undefined);
    await domain?.destroy().catch(() => undefined);
    await this.toolstack.forget(domid);
    this.made.delete(domid);
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.images.values());
    for (const resident of [...this.idle.values()].flat()) await this.discard(resident);
    for (const domid of this.made) await this.remove(domid);
    await this.xen.close();
    rmSync(this.folder, { recursive: true, force: true });
  }

  private shelf(kind: Kind): Resident[] {
    const shelf = this.idle.get(keyOf(kind)) ?? [];
    this.idle.set(keyOf(kind), shelf);
    return shelf;
  }

  private async makeImage(kind: Kind): Promise<Image> {
    const resident = await this.boot(kind);
    const name = `image-${keyOf(kind)}`;
    const file = join(this.folder, name);
    this.toolstack.rename(resident.domid, name);
    await this.toolstack.save(resident.domid, file);
    this.toolstack.rename(resident.domid, `${name}-original`);
    this.shelf(kind).push(resident);
    return { file, name, agent: resident.agent };
  }

  private async boot({ vcpus, memoryMB }: Kind): Promise<Resident> {
    const name = `boot-${++this.booted}`;
    const split = memoryMB > LEAF.memoryMB ? LEAF.gfn : 0;
    const commandLine = `xenferry.agent=pages=${OWNED},split=${split}`;
    const domid = await this.toolstack.create({ name, config: this.config, memoryMB, vcpus, commandLine });
    this.made.add(domid);
    return this.resident(domid, await Agent.born(await this.toolstack.consoleOf(domid)));
  }

  private async restore({ file, name, agent }: Image): Promise<Resident> {
    const domid = await this.toolstack.restore(file, name);
    this.restored++;
    this.made.add(domid);
    const copy = Agent.moved(await this.toolstack.consoleOf(domid), agent);
    // When its programs run again, its kernel is done with resuming.
    await copy.settle();
    return this.resident(domid, copy);
  }

  private async resident(domid: number, agent: Agent): Promise<Resident> {
    const { populatedPages } = await (await this.xen.domain(domid)).info();
    return new Resident(domid, agent, populatedPages);
  }

  private async discard({ domid, agent }: Resident): Promise<void> {
    agent.close();
    await this.remove(domid);
  }
}

/** By a backend that is closed behind it, so that nothing stays mapped for a while: what is open after a test is the test's. */
async function makeGood(resident: Resident): Promise<boolean> {
  await using xen = XenHypervisor.open();
  return await resident.makeGood(xen);
}
