import {
  BackendError,
  type Capabilities,
  type Domain,
  type DomainInfo,
  type HypervisorBackend,
} from 'xenferry/backend';

const CAPABILITIES: Capabilities = Object.freeze({
  ...{ logDirty: false, receive: false, maxPages: 2 ** 20 },
  demandPaging: Object.freeze([]),
  guestTypes: Object.freeze(['hvm'] as const),
  pagingModes: Object.freeze(['hap'] as const),
});

export class MyBackend implements HypervisorBackend {
  readonly name = 'mine';
  readonly capabilities = CAPABILITIES;
  private closed = false;

  async listDomains(): Promise<DomainInfo[]> {
    this.check();
    return []; // ask the hypervisor
  }

  async domain(domid: number): Promise<Domain> {
    this.check();
    throw new BackendError('NO_SUCH_DOMAIN', `no domain ${domid}`, { domid }); // or a handle on it
  }

  async createShell(): Promise<Domain> {
    this.check();
    throw new BackendError('NOT_SUPPORTED', 'this host cannot receive', { remedy: 'migrate to another' });
  }

  async close(): Promise<void> {
    this.closed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private check(): void {
    if (this.closed) throw new BackendError('CLOSED', 'this backend is closed');
  }
}
