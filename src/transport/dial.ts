/** Connects to the peer's {@link Gate}. */
import { type Channel, ChannelError, type Dialer } from '../migrate/io/channel.js';
import { type DataPurpose, encodePreamble, type Ticket, WELCOME } from './preamble.js';
import type { SocketChannel } from './socket-channel.js';
import { type Address, connectTcp } from './tcp.js';
import { connectTls, type TlsIdentity } from './tls.js';

/** For connecting, the TLS handshake and the peer's welcome together. */
const DIAL_MS = 10_000;

export class GateDialer implements Dialer {
  constructor(
    private readonly address: Address,
    private readonly ticket: Ticket,
    private readonly identity?: TlsIdentity,
    private readonly dialMs = DIAL_MS,
  ) {}

  /** Resolves once the peer has accepted the ticket. Rejects with a ChannelError `BROKEN`, or the signal's reason. */
  async dial(purpose: DataPurpose, signal?: AbortSignal): Promise<Channel> {
    const deadline = AbortSignal.timeout(this.dialMs);
    const either = signal ? AbortSignal.any([signal, deadline]) : deadline;
    try {
      const channel = await this.connect(either);
      await this.introduce(channel, purpose, either);
      return channel;
    } catch (error) {
      signal?.throwIfAborted();
      const { host, port } = this.address;
      if (deadline.aborted)
        throw new ChannelError('BROKEN', `${host}:${port} did not answer within ${this.dialMs} ms`, 0, error);
      throw error;
    }
  }

  private connect(signal: AbortSignal): Promise<SocketChannel> {
    return this.identity ? connectTls(this.address, this.identity, signal) : connectTcp(this.address, signal);
  }

  private async introduce(channel: SocketChannel, purpose: DataPurpose, signal: AbortSignal): Promise<void> {
    const drop = (): void => channel.destroy(new Error('given up'));
    signal.addEventListener('abort', drop, { once: true });
    try {
      const welcome = new Uint8Array(1);
      await channel.write([encodePreamble(this.ticket, purpose)]);
      await channel.read(welcome);
      if (welcome[0] !== WELCOME) throw new Error('not a xenferry listener');
      // The user of the channel counts from its own first byte.
      channel.bytesWritten = 0;
    } catch (cause) {
      drop();
      const { host, port } = this.address;
      throw new ChannelError(
        'BROKEN',
        `${host}:${port} closed the connection (${purpose}) before it admitted it: most likely the other host ended or gave this migration up; else the ticket is spent or wrong`,
        0,
        cause,
      );
    } finally {
      signal.removeEventListener('abort', drop);
    }
  }
}
