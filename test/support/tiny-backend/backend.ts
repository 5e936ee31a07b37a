/**
 * The smallest backend that is one: domains are JavaScript objects, it can log dirty pages and nothing else. It is here to
 * be read by authors of backends (docs/backend-authors.md), and to run the conformance suite where capabilities are false.
 */
import {
  BackendError,
  type Capabilities,
  type Domain,
  type DomainInfo,
  type HypervisorBackend,
} from '../../../src/backends/backend.js';
import { TinyDomain } from './domain.js';

export const TINY_CAPABILITIES: Capabilities = Object.freeze({
  logDirty: true,
  demandPaging: Object.freeze([]),
  receive: false,
  guestTypes: Object.freeze(['hvm'] as const),
  pagingModes: Object.freeze(['hap'] as const),
  maxPages: 65_536,
});

export class TinyBackend implements HypervisorBackend {
  readonly name = 'tiny';
  readonly capabilities = TINY_CAPABILITIES;
  readonly #domains = new Map<number, TinyDomain>();
  #nextDomid = 1;
  #closed = false;

  async listDomains(): Promise<DomainInfo[]> {
    this.#checkOpen();
    return Promise.all([...this.#domains.values()].map((domain) => domain.info()));
  }

  async domain(domid: number): Promise<Domain> {
    return this.find(domid);
  }

  async createShell(): Promise<Domain> {
    this.#checkOpen();
    throw new BackendError('NOT_SUPPORTED', 'this backend cannot receive a domain', {
      remedy: 'migrate to a host whose capabilities say `receive`',
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Not part of the contract: how a domain comes to be is a matter of the toolstack. */
  create(name: string, pages: number, vcpus: number): TinyDomain {
    const domid = this.#nextDomid++;
    const domain = new TinyDomain(domid, name, pages, vcpus, {
      check: () => void this.find(domid),
      checkOpen: () => this.#checkOpen(),
      forget: () => void this.#domains.delete(domid),
    });
    this.#domains.set(domid, domain);
    return domain;
  }

  private find(domid: number): TinyDomain {
    this.#checkOpen();
    const found = this.#domains.get(domid);
    if (!found) throw new BackendError('NO_SUCH_DOMAIN', `no domain ${domid}`, { domid });
    return found;
  }

  #checkOpen(): void {
    if (this.#closed) throw new BackendError('CLOSED', 'the tiny backend is closed');
  }
}
