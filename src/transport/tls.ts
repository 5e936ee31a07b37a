/** A channel over TLS 1.3. Bytes are copied once in each direction: OpenSSL owns the buffers. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import { SocketChannel } from './socket-channel.js';
import { StreamReader } from './stream-reader.js';
import { type Address, connected } from './tcp.js';

/** This host's certificate and key, and whom it trusts, in PEM. */
export interface TlsIdentity {
  readonly cert: Buffer;
  readonly key: Buffer;
  /** Certificates that a peer's must chain to. Left out: the system's. */
  readonly ca?: Buffer;
}

export interface TlsFiles {
  readonly certFile: string;
  readonly keyFile: string;
  readonly caFile?: string;
}

/** Reads and checks the files. Throws an Error that names the file. */
export function loadTlsIdentity(files: TlsFiles): TlsIdentity {
  const identity = {
    cert: readPem(files.certFile),
    key: readPem(files.keyFile),
    ca: files.caFile === undefined ? undefined : readPem(files.caFile),
  };
  try {
    tls.createSecureContext(identity);
  } catch (cause) {
    throw new Error(`the TLS files ${files.certFile} and ${files.keyFile} do not fit together`, { cause });
  }
  return identity;
}

function readPem(file: string): Buffer {
  try {
    return readFileSync(file);
  } catch (cause) {
    throw new Error(`cannot read the TLS file ${file}`, { cause });
  }
}

/** Connects and verifies that the peer's certificate is trusted and names `address.host`. */
export async function connectTls(
  address: Address,
  identity: TlsIdentity,
  signal?: AbortSignal,
): Promise<SocketChannel> {
  signal?.throwIfAborted();
  const { host, port } = address;
  // @types/node does not know that tls.connect takes allowHalfOpen (documented since 12.19).
  const options: tls.ConnectionOptions & { allowHalfOpen: true } = {
    ...identity,
    host,
    port,
    minVersion: 'TLSv1.3',
    allowHalfOpen: true,
  };
  const socket = tls.connect(options);
  await connected(socket, 'secureConnect', address, signal);
  return new SocketChannel(socket, new StreamReader(socket));
}

/** The server's side of the handshake on an accepted connection. */
export async function acceptTls(accepted: Socket, identity: TlsIdentity, signal?: AbortSignal): Promise<SocketChannel> {
  const secureContext = tls.createSecureContext({ ...identity, minVersion: 'TLSv1.3' });
  const socket = new tls.TLSSocket(accepted, { isServer: true, secureContext });
  const from = { host: accepted.remoteAddress ?? 'a peer', port: accepted.remotePort ?? 0 };
  await connected(socket, 'secure', from, signal);
  return new SocketChannel(socket, new StreamReader(socket));
}
