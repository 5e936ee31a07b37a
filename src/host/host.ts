/** One host: a hypervisor, the domains on it, and what is being done to them. The routes are its face. */
import type { DigestView, DomainView, HostView, MigrationView } from './api.js';
import type { DomainConfig } from './domain-config.js';
import { DomainTable, type Entry } from './domain-table.js';
import { HostError } from './errors.js';
import type { HostedBackend } from './hosted-backend.js';
import { Migrations } from './migrations.js';
import type { Network } from './network.js';
import { VERSION } from './version.js';

export class Host {
  readonly domains: DomainTable;
  readonly migrations = new Migrations();
  private closing = false;

  constructor(
    readonly name: string,
    readonly backend: HostedBackend,
    readonly network: Network,
  ) {
    this.domains = new DomainTable(backend.hypervisor);
  }

  async view(): Promise<HostView> {
    const { name, backend, network } = this;
    const migrations: MigrationView[] = this.migrations.all().map((record) => record.view());
    const { hypervisor } = backend;
    const domains = (await hypervisor.listDomains()).length;
    const basics = { name, version: VERSION, pid: process.pid, backend: hypervisor.name, domains, migrations };
    return {
      ...basics,
      ...backend.memory(),
      demandPaging: hypervisor.capabilities.demandPaging.length > 0,
      secure: network.secure,
    };
  }

  /** Call before anything new begins. */
  assertOpen(): void {
    if (this.closing)
      throw new HostError('SHUTTING_DOWN', `host ${this.name} is about to end`, { remedy: 'use another host' });
  }

  async create(config: DomainConfig, paused: boolean): Promise<DomainView> {
    this.assertOpen();
    using _name = this.domains.reserve(config.name, 'creating');
    const domain = await this.backend.createDomain(config);
    const entry = this.domains.add(domain, config);
    if (!paused) await domain.unpause();
    return this.domains.view(entry);
  }

  pause(ref: string): Promise<DomainView> {
    return this.operate(ref, 'is being paused', ({ domain }) => domain.pause());
  }

  unpause(ref: string): Promise<DomainView> {
    return this.operate(ref, 'is being unpaused', async ({ domain }) => {
      // A migration that failed and could not undo its suspend leaves this to us.
      if ((await domain.info()).suspended) await domain.resume();
      else await domain.unpause();
    });
  }

  /** What a departed domain left behind may be destroyed, too. Answers with how it was. */
  async destroy(ref: string): Promise<DomainView> {
    const entry = this.domains.find(ref);
    return this.domains.hold(entry, 'is being destroyed', async () => {
      const view = await this.domains.view(entry);
      await entry.domain.destroy();
      this.domains.remove(entry);
      return view;
    });
  }

  digest(ref: string, control: boolean): Promise<DigestView> {
    const entry = this.domains.find(ref);
    return this.domains.exclusively(entry, 'is being digested', async () => {
      const { domid } = entry.domain;
      const result = await this.backend.digest(domid, entry.config, control);
      return { domid, name: entry.config.name, ...result };
    });
  }

  /**
   * Cancels what can be cancelled, waits for the rest if it is past the point of no return, and destroys all domains.
   * BUSY if a domain is in stage 3 and `force` is not set: pages of it exist on two hosts, and would be lost.
   */
  async close(force: boolean): Promise<void> {
    const halfway = this.migrations.active().filter((record) => record.inStage3);
    if (halfway.length > 0 && !force) {
      const names = halfway.map((record) => record.domain).join(', ');
      const remedy =
        'wait until they have arrived; a second signal ends the host all the same, and those domains with it';
      throw new HostError('BUSY', `memory of ${names} is still on its way`, { remedy });
    }
    this.closing = true;
    const cancellable = this.migrations.active().filter((record) => !record.inStage3);
    for (const record of cancellable) record.cancel('the host is shutting down');
    await Promise.all(cancellable.map((record) => record.settled));
    await this.backend.hypervisor.close();
  }

  private operate(ref: string, activity: string, work: (entry: Entry) => Promise<void>): Promise<DomainView> {
    const entry = this.domains.find(ref);
    return this.domains.exclusively(entry, activity, async () => {
      await work(entry);
      return this.domains.view(entry);
    });
  }
}
