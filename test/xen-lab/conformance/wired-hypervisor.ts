/**
 * The Xen backend, its bare shells wired up as a toolstack does it: with event channels for xenstore and the console, and, once
 * finished, their place in both. Without that a Linux that is moved into one waits for xenstore for ever.
 */
import type { Domain, DomainInfo, DomainShell, HypervisorBackend } from '../../../src/backends/backend.js';
import type { XenHypervisor } from '../../../src/backends/xen/index.js';
import type { Toolstack } from './toolstack.js';

export class WiredHypervisor implements HypervisorBackend {
  /** Domids of all shells that were made, whatever has become of them. */
  readonly shells: number[] = [];

  constructor(
    private readonly xen: XenHypervisor,
    private readonly toolstack: Toolstack,
  ) {}

  get name(): string {
    return this.xen.name;
  }

  get capabilities(): HypervisorBackend['capabilities'] {
    return this.xen.capabilities;
  }

  listDomains(): Promise<DomainInfo[]> {
    return this.xen.listDomains();
  }

  domain(domid: number): Promise<Domain> {
    return this.xen.domain(domid);
  }

  async createShell(shell: DomainShell): Promise<Domain> {
    const { domid } = await this.xen.createShell(shell);
    this.shells.push(domid);
    const wiring = this.toolstack.wire(domid);
    this.toolstack.rename(domid, shell.name);
    const adopted = await this.xen.adoptShell(domid, wiring);
    const finish = adopted.state.finish.bind(adopted.state);
    adopted.state.finish = async () => {
      await finish();
      await this.toolstack.introduce(domid, wiring, adopted.rings());
    };
    return adopted;
  }

  close(): Promise<void> {
    return this.xen.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}
