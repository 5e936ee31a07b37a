/** A host as a process: from options to a listening API, and back to nothing on a signal. */
import type { AddressInfo } from 'node:net';
import type { FastifyBaseLogger } from 'fastify';
import type { TlsIdentity } from '../transport/index.js';
import { Host } from './host.js';
import type { HostedBackend } from './hosted-backend.js';
import { Network } from './network.js';
import { createServer } from './server.js';

export interface DaemonOptions {
  readonly name: string;
  readonly listen: string;
  /** 0: any free port. */
  readonly port: number;
  readonly advertise?: string;
  readonly token: string;
  readonly identity?: TlsIdentity;
  readonly insecurePlaintext?: boolean;
  /** See NetworkOptions. */
  readonly reconnectMs?: number;
  readonly logger: FastifyBaseLogger;
}

export interface Daemon {
  readonly host: Host;
  /** Base URL of the API. */
  readonly url: string;
  readonly port: number;
  /** BUSY while a domain is in stage 3, unless forced. */
  close(force: boolean): Promise<void>;
}

/** Takes the backend over: it is closed with the daemon, and if the start fails. */
export async function startDaemon(backend: HostedBackend, options: DaemonOptions): Promise<Daemon> {
  try {
    const network = new Network(options);
    const host = new Host(options.name, backend, network);
    const server = createServer(host, options);
    await server.listen({ host: options.listen, port: options.port });
    const { port } = server.server.address() as AddressInfo;
    const shown = options.listen.includes(':') ? `[${options.listen}]` : options.listen;
    return {
      host,
      port,
      url: `${network.secure ? 'https' : 'http'}://${shown}:${port}`,
      async close(force) {
        await host.close(force);
        await server.close();
      },
    };
  } catch (error) {
    await backend.hypervisor.close();
    throw error;
  }
}

/**
 * Resolves when SIGTERM or SIGINT has ended the daemon. The first signal is refused while a domain's memory is on two
 * hosts; the second one is not.
 */
export function untilSignalled(daemon: Daemon, logger: FastifyBaseLogger): Promise<void> {
  return new Promise((resolve) => {
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      logger.info(`${signal}: shutting down`);
      const force = asked;
      asked = true;
      daemon.close(force).then(resolve, (error: Error & { details?: { remedy?: string } }) => {
        logger.error(`${error.message}; ${error.details?.remedy ?? ''}`);
      });
    };
    process.on('SIGTERM', onSignal).on('SIGINT', onSignal);
  });
}
