/** A channel over TLS 1.3. Bytes are copied once in each direction: OpenSSL owns the buffers. */
import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import * as tls from 'node:tls';
import type { Channel } from '../migrate/io/channel.js';
import { StreamReader } from './stream-reader.js';
import { type Address, connected } from './tcp.js';
import { broken, byteCount, endWriting, writeChunks } from './writing.js';

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

export class TlsChannel implements Channel {
  bytesWritten = 0;
  private readonly reader: StreamReader;
  private failure: Error | undefined;

  constructor(private readonly socket: tls.TLSSocket) {
    this.reader = new StreamReader(socket);
    socket.setNoDelay(true);
    socket.on('error', (error) => {
      this.failure ??= error;
    });
    socket.once('close', () => this.reader.fail(broken(this.failure ?? 'it was closed')));
  }

  read(into: Uint8Array): Promise<void> {
    return this.reader.read(into);
  }

  write(chunks: readonly Uint8Array[]): Promise<void> {
    this.bytesWritten += byteCount(chunks);
    return writeChunks(this.socket, chunks).catch((error: unknown) => {
      throw broken(this.failure ?? error);
    });
  }

  end(): Promise<void> {
    return endWriting(this.socket);
  }

  destroy(reason?: Error): void {
    this.failure ??= reason;
    this.reader.fail(broken(this.failure ?? 'it was closed here'));
    this.socket.destroy();
  }
}

/** Connects and verifies that the peer's certificate is trusted and names `address.host`. */
export async function connectTls(address: Address, identity: TlsIdentity, signal?: AbortSignal): Promise<TlsChannel> {
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
  return new TlsChannel(socket);
}

/** The server's side of the handshake on an accepted connection. */
export async function acceptTls(accepted: Socket, identity: TlsIdentity, signal?: AbortSignal): Promise<TlsChannel> {
  const secureContext = tls.createSecureContext({ ...identity, minVersion: 'TLSv1.3' });
  const socket = new tls.TLSSocket(accepted, { isServer: true, secureContext });
  const from = { host: accepted.remoteAddress ?? 'a peer', port: accepted.remotePort ?? 0 };
  await connected(socket, 'secure', from, signal);
  return new TlsChannel(socket);
}
