/** `xenferry host … &` returns before the host listens: a host of this machine is given some time. */
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { plainHostname } from '../host/address.js';
import { isLoopback } from '../transport/index.js';
import type { Output } from './output.js';

const PATIENCE_MS = 3000;
const RETRY_MS = 50;

/** Resolves when the host listens, or it has had its time: then whoever connects will say what is wrong. */
export async function untilListening(url: URL, output: Output): Promise<void> {
  if (!isLoopback(plainHostname(url))) return;
  const deadline = performance.now() + PATIENCE_MS;
  for (let said = false; performance.now() < deadline && (await refuses(url)); said = true) {
    if (!said) output.note(`waiting for a host at ${url.host} …`);
    await sleep(RETRY_MS);
  }
}

function refuses({ protocol, hostname, port }: URL): Promise<boolean> {
  const address = { host: hostname.replace(/^\[|\]$/g, ''), port: Number(port) || (protocol === 'https:' ? 443 : 80) };
  return new Promise((resolve) => {
    const socket = connect(address, () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}
