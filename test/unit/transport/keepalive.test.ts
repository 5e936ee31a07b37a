/** A peer whose machine has gone says nothing ever again: only the kernel's probes find out. */
import { existsSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { Gate, GateDialer, loadTlsIdentity, type TlsIdentity } from '../../../src/transport/index.js';
import { newAuthority } from '../../support/certificates.js';
import { afterThisTest } from '../../support/sockets.js';

const TABLE = '/proc/self/net/tcp';
const ESTABLISHED = '01';
const RETRANSMIT = '01';
/** proc(5): what it calls "another timer" is the keepalive's on an idle connection. */
const KEEP_ALIVE = '02';
const TICKS_A_SECOND = 100;

interface Timer {
  readonly kind: string;
  readonly seconds: number;
}

/** The timers of both ends of each connection to a port of this machine. */
async function timersOf(port: number): Promise<Timer[]> {
  const ending = `:${port.toString(16).toUpperCase().padStart(4, '0')}`;
  for (;;) {
    const rows = readFileSync(TABLE, 'utf8').trim().split('\n').slice(1);
    const timers = rows
      .map((row) => row.trim().split(/\s+/))
      .filter(([, local, remote]) => local.endsWith(ending) || remote.endsWith(ending))
      .filter(([, , , state]) => state === ESTABLISHED)
      .map(([, , , , , timer]) => timer.split(':'))
      .map(([kind, ticks]) => ({ kind, seconds: Number.parseInt(ticks, 16) / TICKS_A_SECOND }));
    // What was said last is acknowledged first.
    if (!timers.some(({ kind }) => kind === RETRANSMIT)) return timers;
    await sleep(5);
  }
}

const onLinux = existsSync(TABLE) ? test : test.skip;

onLinux.each<[string, () => TlsIdentity | undefined]>([
  ['TCP', () => undefined],
  ['TLS', () => loadTlsIdentity(newAuthority().issue('host', 'IP:127.0.0.1'))],
])('%s: both ends of a data connection are probed within ten seconds (needs Linux)', async (_, identityOf) => {
  const identity = identityOf();
  const gate = await Gate.open({ purposes: ['push'], identity });
  afterThisTest(() => void gate.close());
  const dialed = await new GateDialer({ host: '127.0.0.1', port: gate.port }, gate.ticket, identity).dial('push');
  const accepted = await gate.accept('push');
  afterThisTest(() => {
    dialed.destroy();
    accepted.destroy();
  });
  const timers = await timersOf(gate.port);
  expect(timers.map(({ kind }) => kind)).toEqual([KEEP_ALIVE, KEEP_ALIVE]);
  for (const { seconds } of timers) expect(seconds).toBeLessThanOrEqual(10.1);
});
