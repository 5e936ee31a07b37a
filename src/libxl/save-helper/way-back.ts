/** How post-copy's destination reaches its source, where xl has connected nothing but the stream. */
import { isIP } from 'node:net';
import type { ReturnAddress } from '../../migrate/index.js';
import { Gate, GateDialer } from '../../transport/index.js';

/**
 * A listener for the destination's connections, on loopback: between hosts something that both trust carries them (an ssh tunnel), whose
 * far end is the address to be told.
 */
export async function openWayBack(port: number | undefined, told: string | undefined): Promise<[Gate, ReturnAddress]> {
  const gate = await Gate.open({ port, purposes: ['control', 'push', 'urgent'] });
  return [gate, { address: told ?? `127.0.0.1:${gate.port}`, ...gate.ticket }];
}

/** @throws RangeError for an address that the stream gives and that is none */
export function dialBack({ address, id, token }: ReturnAddress): GateDialer {
  const [, host, port] = /^(?:\[?([0-9a-f.:]+)\]?):(\d{1,5})$/i.exec(address) ?? [];
  if (host === undefined || isIP(host) === 0 || Number(port) > 65535)
    throw new RangeError(`the stream says that its source is at "${address.slice(0, 80)}", which is no address`);
  return new GateDialer({ host, port: Number(port) }, { id: Buffer.from(id), token: Buffer.from(token) });
}
