/** Names of hosts as people write them. */
import { isLoopback } from '../transport/index.js';

export const DEFAULT_PORT = 7330;

/**
 * `host`, `host:port`, `:port` (of this machine), `[v6]:port`, or a URL → the API's base URL. Without a scheme, loopback means http and anything
 * else https. Throws a TypeError for what is none of these.
 */
export function hostUrl(written: string): URL {
  const text = written.startsWith(':') ? `127.0.0.1${written}` : written;
  const withScheme = /^https?:\/\//.test(text) ? text : `http://${text}`;
  let url: URL;
  try {
    url = new URL(withScheme);
  } catch {
    throw new TypeError(`"${text}" is not a host: write HOST, HOST:PORT or https://HOST:PORT`);
  }
  if (url.pathname !== '/' || url.search || url.hash || url.username)
    throw new TypeError(`"${text}" has more than a host and a port`);
  if (withScheme !== text && !isLoopback(url.hostname)) url.protocol = 'https:';
  if (!/:\d+$/.test(text)) url.port = String(DEFAULT_PORT);
  return url;
}

/** Without the brackets that URLs put round IPv6 addresses. */
export function plainHostname(url: URL): string {
  return url.hostname.replace(/^\[|\]$/g, '');
}
