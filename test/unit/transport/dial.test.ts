/** Peers that are there and are not what they should be: the dialer gives up, says so, and lets them go. */
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { GateDialer, loadTlsIdentity, newTicket, type TlsIdentity } from '../../../src/transport/index.js';
import { newAuthority } from '../../support/certificates.js';
import { afterThisTest, closed } from '../../support/sockets.js';

/** A listener that takes a connection and does `answer`; resolves to that connection. */
async function peer(answer: (socket: Socket) => void): Promise<{ port: number; connection: Promise<Socket> }> {
  const server = createServer();
  const connection = new Promise<Socket>((resolve) => {
    server.once('connection', (socket) => {
      afterThisTest(() => socket.destroy());
      socket.on('error', () => undefined).resume();
      answer(socket);
      resolve(socket);
    });
  });
  afterThisTest(() => server.close());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { port: (server.address() as AddressInfo).port, connection };
}

const dialer = (port: number, dialMs?: number, identity?: TlsIdentity): GateDialer =>
  new GateDialer({ host: '127.0.0.1', port }, newTicket(), identity, dialMs);

const silent = (): void => undefined;
const IDENTITIES: [string, () => TlsIdentity | undefined][] = [
  ['TCP', () => undefined],
  ['TLS', () => loadTlsIdentity(newAuthority().issue('host', 'IP:127.0.0.1'))],
];

test.each(IDENTITIES)('%s: one that says nothing is given up in time, and the connection with it', async (_, own) => {
  const { port, connection } = await peer(silent);
  await expect(dialer(port, 100, own()).dial('push')).rejects.toMatchObject({
    code: 'BROKEN',
    message: `127.0.0.1:${port} did not answer within 100 ms`,
  });
  await closed(await connection);
});

test.each(IDENTITIES)('%s: an abort ends it at once, with its reason', async (_, own) => {
  const { port, connection } = await peer(silent);
  const abort = new AbortController();
  const dialing = dialer(port, 60_000, own()).dial('push', abort.signal);
  dialing.catch(() => undefined);
  const accepted = await connection;
  abort.abort(new Error('never mind'));
  await expect(dialing).rejects.toThrow('never mind');
  await closed(accepted);
});

test('one that welcomes with another byte is none of ours', async () => {
  const { port, connection } = await peer((socket) => socket.write(Uint8Array.of(0x15)));
  await expect(dialer(port).dial('push')).rejects.toMatchObject({
    code: 'BROKEN',
    cause: { message: 'not a xenferry listener' },
  });
  await closed(await connection);
});
