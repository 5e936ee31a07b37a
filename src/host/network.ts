/** How this host listens and dials: one policy for the API and for every migration's data connections. */
import {
  type Address,
  checkBind,
  type DataPurpose,
  Gate,
  GateDialer,
  isLoopback,
  isWildcard,
  type TlsIdentity,
} from '../transport/index.js';
import type { DataEndpoint } from './api.js';
import { HostError } from './errors.js';

export interface NetworkOptions {
  /** Address to bind to. */
  readonly listen: string;
  /** Address that other hosts shall use, where it is not the one bound to. */
  readonly advertise?: string;
  readonly identity?: TlsIdentity;
  readonly insecurePlaintext?: boolean;
  /** How long a broken migration may stay broken before this host gives it up. Default: the engine's, 60,000 ms. */
  readonly reconnectMs?: number;
}

export class Network {
  constructor(private readonly options: NetworkOptions) {
    const { listen: host, identity, insecurePlaintext } = options;
    checkBind({
      host,
      authenticated: true,
      tls: identity !== undefined,
      insecurePlaintext: insecurePlaintext ?? false,
    });
  }

  get secure(): boolean {
    return this.options.identity !== undefined;
  }

  get identity(): TlsIdentity | undefined {
    return this.options.identity;
  }

  get reconnectMs(): number | undefined {
    return this.options.reconnectMs;
  }

  openGate(purposes: readonly DataPurpose[]): Promise<Gate> {
    const { listen: host, identity, insecurePlaintext } = this.options;
    return Gate.open({ host, identity, insecurePlaintext, purposes });
  }

  endpointOf(gate: Gate): DataEndpoint {
    const { listen, advertise } = this.options;
    const host = advertise ?? (isWildcard(listen) ? undefined : listen);
    const { id, token } = gate.ticket;
    return { host, port: gate.port, id: id.toString('hex'), token: token.toString('hex'), secure: this.secure };
  }

  /** @param fallbackHost where the peer was seen, should it not say where it listens. */
  dialer(endpoint: DataEndpoint, fallbackHost: string): GateDialer {
    if (endpoint.secure !== this.secure) {
      const [plain, tls] = this.secure ? ['the other host', 'this one'] : ['this host', 'the other one'];
      throw new HostError('REFUSED', `${tls} uses TLS and ${plain} does not`, {
        remedy: 'start both hosts with --tls-cert, --tls-key and --tls-ca, or neither',
      });
    }
    const address: Address = { host: endpoint.host ?? fallbackHost, port: endpoint.port };
    const ticket = { id: Buffer.from(endpoint.id, 'hex'), token: Buffer.from(endpoint.token, 'hex') };
    return new GateDialer(address, ticket, this.options.identity);
  }

  /** The destination has to reach us for the way back; loopback reaches only this machine. */
  assertReachableFrom(peer: string): void {
    if (!isLoopback(this.options.listen) || this.options.advertise !== undefined || isLoopback(peer)) return;
    throw new HostError(
      'REFUSED',
      `this host listens on ${this.options.listen} only, and ${peer} has to connect back to it`,
      {
        remedy: 'start the host with --listen ADDRESS (and TLS)',
      },
    );
  }
}
