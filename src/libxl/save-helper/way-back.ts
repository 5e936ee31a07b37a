/** How post-copy's destination reaches its source, where xl has connected nothing but the stream. */
import { isIP } from 'node:net';
import type { Acceptor, ReturnAddress } from '../../migrate/index.js';
import { Gate, GateDialer } from '../../transport/index.js';
import type { HelperOptions } from './environment.js';
import { Tunnel } from './tunnel.js';

type WayBack = [returns: Acceptor & AsyncDisposable, told: ReturnAddress];

/**
 * After a cut the way over there may be taken until sshd has noticed: minutes. What is given up then is a domain, so both ends wait.
 */
export const STAGE3_RECONNECT_MS = 300_000;

/**
 * A listener for the destination's connections, on loopback: between hosts something that both trust carries them, whose far end is the
 * address to be told. That is an ssh of ours, unless somebody has seen to it already, or both are one host.
 */
export async function openWayBack(
  { returnPort, returnAddress, returnSsh }: HelperOptions,
  signal: AbortSignal,
): Promise<WayBack> {
  const gate = await Gate.open({ port: returnPort, purposes: ['control', 'push', 'urgent'] });
  try {
    const command = returnAddress === undefined ? returnSsh : undefined;
    const tunnel = command === undefined ? undefined : await Tunnel.open({ command, port: gate.port, signal });
    const address = returnAddress ?? tunnel?.address ?? `127.0.0.1:${gate.port}`;
    return [through(gate, tunnel), { address, ...gate.ticket }];
  } catch (error) {
    await gate.close();
    throw error;
  }
}

function through(gate: Gate, tunnel: Tunnel | undefined): Acceptor & AsyncDisposable {
  return {
    accept: (purpose, signal) => gate.accept(purpose, signal),
    async [Symbol.asyncDispose]() {
      await tunnel?.[Symbol.asyncDispose]();
      await gate.close();
    },
  };
}

/** @throws RangeError for an address that the stream gives and that is none */
export function dialBack({ address, id, token }: ReturnAddress): GateDialer {
  const [, host, port] = /^(?:\[?([0-9a-f.:]+)\]?):(\d{1,5})$/i.exec(address) ?? [];
  if (host === undefined || isIP(host) === 0 || Number(port) > 65535)
    throw new RangeError(`the stream says that its source is at "${address.slice(0, 80)}", which is no address`);
  return new GateDialer({ host, port: Number(port) }, { id: Buffer.from(id), token: Buffer.from(token) });
}
