/**
 * A listener for the data connections of one migration, on a port of its own. A connection has to show the migration's
 * ticket soon, or it is dropped; how many may stand there without is bounded, and the newest are preferred, so
 * that idle strangers cannot keep the peer out.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import type { Acceptor, Channel } from '../migrate/io/channel.js';
import { checkBind } from './bind.js';
import { checkPreamble, type DataPurpose, newTicket, PREAMBLE_BYTES, type Ticket, WELCOME } from './preamble.js';
import type { SocketChannel } from './socket-channel.js';
import { acceptTcp } from './tcp.js';
import { acceptTls, type TlsIdentity } from './tls.js';
import { WaitingRoom } from './waiting-room.js';

export interface GateOptions {
  /** Default 127.0.0.1. */
  readonly host?: string;
  /** Default 0: any free port. */
  readonly port?: number;
  /** TLS if given. */
  readonly identity?: TlsIdentity;
  readonly insecurePlaintext?: boolean;
  /** The stream is connected once; the ways back may be connected again after a break. */
  readonly purposes: readonly DataPurpose[];
  /** Time for the handshake and the preamble. Default 5,000 ms. */
  readonly helloMs?: number;
  /** Default 8. */
  readonly maxStrangers?: number;
}

export class Gate implements Acceptor, AsyncDisposable {
  readonly ticket: Ticket = newTicket();
  readonly port: number;
  private readonly room = new WaitingRoom();
  /** Connections that have not shown a ticket yet, oldest first. */
  private readonly strangers = new Set<AbortController>();
  private streamUsed = false;

  private constructor(
    private readonly server: Server,
    private readonly options: GateOptions,
  ) {
    this.port = (server.address() as AddressInfo).port;
    server.on('connection', (socket) => void this.admit(socket));
  }

  static async open(options: GateOptions): Promise<Gate> {
    const host = options.host ?? '127.0.0.1';
    checkBind({
      host,
      authenticated: true,
      tls: options.identity !== undefined,
      insecurePlaintext: options.insecurePlaintext ?? false,
    });
    const server = createServer({ pauseOnConnect: options.identity === undefined, allowHalfOpen: true, noDelay: true });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ host, port: options.port ?? 0 }, resolve);
    });
    return new Gate(server, options);
  }

  /** How many connections have not shown a ticket yet. */
  get strangerCount(): number {
    return this.strangers.size;
  }

  accept(purpose: DataPurpose, signal?: AbortSignal): Promise<Channel> {
    return this.room.take(purpose, signal);
  }

  /** Stops listening and drops what was not accepted. Accepted channels live on. */
  async close(): Promise<void> {
    this.server.close();
    for (const stranger of this.strangers) stranger.abort(new Error('the listener was closed'));
    this.room.close();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  private async admit(socket: Socket): Promise<void> {
    const stranger = new AbortController();
    const timer = setTimeout(() => stranger.abort(new Error('no preamble in time')), this.options.helloMs ?? 5000);
    this.strangers.add(stranger);
    this.dropOldest();
    try {
      const channel = await this.open(socket, stranger.signal);
      const purpose = await this.greet(channel, stranger.signal);
      this.room.enter(purpose, channel);
    } catch {
      // Whoever it was gets no word, and a wrong ticket is not an event worth a log line each.
      socket.destroy();
    } finally {
      clearTimeout(timer);
      this.strangers.delete(stranger);
    }
  }

  private dropOldest(): void {
    if (this.strangers.size <= (this.options.maxStrangers ?? 8)) return;
    const [oldest] = this.strangers;
    oldest.abort(new Error('too many connections without a ticket'));
  }

  private open(socket: Socket, signal: AbortSignal): Promise<SocketChannel> {
    // Until a channel has taken the socket over, its errors are nobody's.
    socket.on('error', () => undefined);
    const identity = this.options.identity;
    return identity ? acceptTls(socket, identity, signal) : Promise.resolve(acceptTcp(socket));
  }

  /** Reads the preamble and says welcome; the channel is destroyed on anything else. */
  private async greet(channel: SocketChannel, signal: AbortSignal): Promise<DataPurpose> {
    const drop = (): void => channel.destroy(new Error('not admitted'));
    signal.addEventListener('abort', drop, { once: true });
    try {
      signal.throwIfAborted();
      const bytes = Buffer.alloc(PREAMBLE_BYTES);
      await channel.read(bytes);
      const purpose = checkPreamble(bytes, this.ticket);
      if (!purpose || !this.allows(purpose)) throw new Error('no such ticket');
      await channel.write([Uint8Array.of(WELCOME)]);
      channel.bytesWritten = 0;
      return purpose;
    } catch (error) {
      drop();
      throw error;
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }

  private allows(purpose: DataPurpose): boolean {
    if (!this.options.purposes.includes(purpose)) return false;
    if (purpose !== 'stream') return true;
    const first = !this.streamUsed;
    this.streamUsed = true;
    return first;
  }
}
