/** Where a listener may be reachable from. */
import { isIP, isIPv6 } from 'node:net';

/** Refused before anything listens. The message names what to do. */
export class BindRefusedError extends Error {
  override readonly name = 'BindRefusedError';
  readonly code = 'BIND_REFUSED';
}

export interface BindTerms {
  readonly host: string;
  /** Every request or connection must carry a secret. */
  readonly authenticated: boolean;
  readonly tls: boolean;
  /** The operator said that this network may see guests' memory and the token in the clear. */
  readonly insecurePlaintext: boolean;
}

/** Loopback is the machine's own; a wider bind needs authentication, and TLS or an explicit waiver. */
export function checkBind(terms: BindTerms): void {
  if (isLoopback(terms.host)) return;
  if (!terms.authenticated) {
    throw new BindRefusedError(
      `${terms.host} is not loopback and no bearer token is set: set one (--token-file) or listen on 127.0.0.1`,
    );
  }
  if (!terms.tls && !terms.insecurePlaintext) {
    throw new BindRefusedError(
      `${terms.host} is not loopback and TLS is off: give --tls-cert and --tls-key, or --insecure-plaintext if this network is trusted with the guests' memory`,
    );
  }
}

export function isLoopback(host: string): boolean {
  const name = host.toLowerCase().replace(/^\[|\]$/g, '');
  if (name === 'localhost' || name === '::1') return true;
  const v4 = name.startsWith('::ffff:') ? name.slice(7) : name;
  return isIP(v4) === 4 && v4.startsWith('127.');
}

/** All interfaces: an address to bind to, not one to connect to. */
export function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || (isIPv6(host) && /^[0:]+$/.test(host)) || host === '';
}
