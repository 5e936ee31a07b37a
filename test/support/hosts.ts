/** Emulated hosts in this process, small ones, closed after each test. */
import pino from 'pino';
import { HostClient } from '../../src/host/client.js';
import { type Daemon, type DaemonOptions, startDaemon } from '../../src/host/daemon.js';
import { EmulatedHost } from '../../src/host/emulated.js';

export const TOKEN = 'a token that only tests know'.replaceAll(' ', '-');
const MIB = 2 ** 20;

export interface TestHost {
  readonly daemon: Daemon;
  readonly backend: EmulatedHost;
  readonly client: HostClient;
  readonly url: URL;
}

const daemons: Daemon[] = [];

afterEach(async () => {
  for (const daemon of daemons.splice(0)) await daemon.close(true);
});

export async function startHost(name: string, options: Partial<DaemonOptions> = {}, ramMB = 48): Promise<TestHost> {
  const backend = new EmulatedHost(ramMB * MIB);
  const logger = pino({ level: 'silent' });
  const daemon = await startDaemon(backend, { name, listen: '127.0.0.1', port: 0, token: TOKEN, logger, ...options });
  daemons.push(daemon);
  const url = new URL(daemon.url);
  return {
    daemon,
    backend,
    url,
    client: new HostClient({ url, token: options.token ?? TOKEN, ca: options.identity?.ca }),
  };
}

/** Ends a host within a test, and not again after it. */
export async function stopHost({ daemon }: TestHost, force = false): Promise<void> {
  await daemon.close(force);
  daemons.splice(daemons.indexOf(daemon), 1);
}
