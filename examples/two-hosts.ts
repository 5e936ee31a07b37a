/** One migration as a program makes it: two emulated hosts in one process, and TCP between them. */
import { EmulatedHypervisor, receiveDomain, sendDomain } from 'xenferry';
import { Gate, GateDialer } from 'xenferry/transport';

const MIB = 2 ** 20;
const memoryMB = 32;

/** Connects to a gate; between two machines its host, port and ticket travel over a channel that you trust. */
function dialerTo({ port, ticket }: Gate): GateDialer {
  return new GateDialer({ host: '127.0.0.1', port }, ticket);
}

async function main(): Promise<void> {
  await using source = new EmulatedHypervisor({ ramBytes: 64 * MIB });
  await using destination = new EmulatedHypervisor({ ramBytes: 64 * MIB });
  const guest = { program: 'hot-set', hotMB: 4, rateMBps: 100 } as const;
  const domain = await source.createDomain({ name: 'web', memoryMB, vcpus: 1, seed: 1, guest });

  // The destination listens for the stream, the source for the ways back.
  await using streams = await Gate.open({ purposes: ['stream'] });
  await using returns = await Gate.open({ purposes: ['control', 'push', 'urgent'] });

  const shape = { name: 'web', maxPages: (memoryMB * MIB) / 4096, vcpus: 1 };
  const [outgoing, incoming] = await Promise.all([dialerTo(streams).dial('stream'), streams.accept('stream')]);
  const [report, { domain: arrived, stage3 }] = await Promise.all([
    sendDomain({ domain, stream: outgoing, returns, strategy: 'tsmc' }),
    receiveDomain({ backend: destination, stream: incoming, dialer: dialerTo(returns), ...shape }),
  ]);
  await stage3; // the last page is there
  await domain.destroy(); // what is left at the source
  outgoing.destroy();
  incoming.destroy();

  const { name, paused, pagedPages } = await arrived.info();
  console.log(`${name} ${paused ? 'is paused' : 'runs'} at the destination, ${pagedPages} pages missing`);
  console.log(`${report.strategy}: ${report.pagesSent} pages in ${report.totalMs.toFixed(0)} ms`);
}

main().catch((error: unknown) => {
  console.error(error);
  process.exitCode = 1;
});
