/** The receiving process of raw.ts: counts what comes on each connection, and says how much it was when it ends. */
import { type AddressInfo, createServer } from 'node:net';
import { adoptAccepted } from '../src/transport/adopt.js';

const buffer = new Uint8Array(1 << 20);

const server = createServer({ pauseOnConnect: true }, (accepted) => {
  let received = 0;
  const callback = (count: number): boolean => {
    received += count;
    return true;
  };
  const socket = adoptAccepted(accepted, { buffer, callback });
  socket.once('end', () => {
    process.send?.(received);
    socket.destroy();
  });
  socket.resume();
});
server.listen(0, '127.0.0.1', () => process.send?.((server.address() as AddressInfo).port));
process.once('disconnect', () => process.exit());
