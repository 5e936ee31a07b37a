/** The end of stage 3, over TCP: whichever of its lines is seen to close first, the migration is complete. */
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../src/migrate/io/clock.js';
import { RateLimiter } from '../../../src/migrate/io/limiter.js';
import { announce, dialPair, type PageSession } from '../../../src/migrate/receive/session.js';
import { Recorder } from '../../../src/migrate/recorder.js';
import { PageServer } from '../../../src/migrate/send/page-server.js';
import { RecordType } from '../../../src/migrate/stream/index.js';
import { Gate, GateDialer } from '../../../src/transport/index.js';
import { TinyBackend } from '../../support/tiny-backend/backend.js';

const NR_GFNS = 64;
const NOTHING = new Uint8Array(NR_GFNS / 8);
const NOTE = Uint8Array.of(1, 2, 3);
const migrationId = new Uint8Array(16);
const clock = systemClock;

async function serveNothing(gate: Gate): Promise<Uint8Array> {
  await using backend = new TinyBackend();
  const domain = backend.create('gone', NR_GFNS, 1);
  const { domid } = domain;
  await domain.suspend();
  using pages = await domain.memory.hold(NOTHING, NR_GFNS);
  const server = new PageServer({
    ...{ pages, domid, migrationId, nrGfns: NR_GFNS, unsent: NOTHING.slice(), returns: gate, clock },
    ...{ limiter: new RateLimiter(clock), recorder: new Recorder(clock, 'tsmc', NR_GFNS) },
    ...{ reconnectMs: 300, recordedSet: [], patience: { for: (work) => work } },
  });
  return await server.serve(AbortSignal.timeout(5000));
}

test.each(['urgent', 'push'] as const)('%s closes first', async (first) => {
  await using gate = await Gate.open({ purposes: ['push', 'urgent'] });
  const served = serveNothing(gate);
  const dialer = new GateDialer({ host: '127.0.0.1', port: gate.port }, gate.ticket);
  using session: PageSession = await dialPair({ dialer, migrationId, nrGfns: NR_GFNS, clock, reconnectMs: 300 });
  await announce(session, NR_GFNS, NOTHING);
  await session.push.writer.record(RecordType.DONE, NOTE);
  await session.push.reader.expect(RecordType.DONE);
  session[first].destroy();
  await sleep(50);
  session[Symbol.dispose]();
  expect(await served).toEqual(NOTE);
});
