/** A domain to a file and back. */
import type { z } from 'zod';
import type { Domain } from '../backends/backend.js';
import { ChannelError, MigrationError, reasonOf, receiveDomain, type Suspender, sendDomain } from '../migrate/index.js';
import { type Channel, FileSink, openFileSource } from '../transport/index.js';
import type { DomainView, RestoreRequest, SavedView, SaveRequest } from './api.js';
import { type DomainConfig, maxPagesOf } from './domain-config.js';
import type { Entry } from './domain-table.js';
import { HostError } from './errors.js';
import type { Host } from './host.js';
import { assertEnd, encodeSaveHeader, readSaveHeader, restoreError } from './save-file.js';

/** The domain has been stopped before the engine begins: every page is sent once, and the file is as large as the memory. */
const STOPPED: Suspender = { suspend: async () => undefined, resume: async () => undefined };

/** The file is there wholly or not at all; if it is not, the domain runs on. */
export function saveDomain(host: Host, ref: string, request: z.output<typeof SaveRequest>): Promise<SavedView> {
  host.assertOpen();
  const entry = host.domains.find(ref);
  return host.domains.exclusively(entry, 'is being saved', async () => {
    const { totalMs, bytes } = await writeFile(entry, request.path);
    if (request.leaveRunning) {
      await entry.domain.resume();
    } else {
      await entry.domain.destroy();
      host.domains.remove(entry);
    }
    return { name: entry.config.name, path: request.path, bytes, ms: totalMs, leftRunning: request.leaveRunning };
  });
}

/** Leaves the domain suspended, or, if it fails, as it was. */
async function writeFile({ domain, config }: Entry, path: string): Promise<{ totalMs: number; bytes: number }> {
  const sink = await opened(path, FileSink.create(path));
  let suspended = false;
  try {
    await sink.channel.write([encodeSaveHeader(config)]);
    await domain.suspend();
    suspended = true;
    const stream = sink.channel;
    const { totalMs } = await sendDomain({ domain, stream, strategy: 'precopy', suspender: STOPPED });
    await sink.commit();
    return { totalMs, bytes: stream.bytesWritten };
  } catch (error) {
    await sink.abort();
    if (suspended) await domain.resume();
    throw writeError(error, path);
  }
}

export async function restoreDomain(host: Host, request: z.output<typeof RestoreRequest>): Promise<DomainView> {
  host.assertOpen();
  const source = await opened(request.path, openFileSource(request.path));
  try {
    const saved = await readSaveHeader(source);
    const config = { ...saved, name: request.name ?? saved.name };
    using _name = host.domains.reserve(config.name, 'restoring');
    const domain = await readDomain(host, config, source);
    const entry = host.domains.add(domain, config);
    if (!request.paused) await domain.unpause();
    return host.domains.view(entry);
  } finally {
    source.destroy();
  }
}

/** Paused, and only if the file holds this domain and nothing more. */
async function readDomain({ backend }: Host, config: DomainConfig, source: Channel): Promise<Domain> {
  const { name, vcpus } = config;
  const options = { backend: backend.hypervisor, stream: source, name, vcpus, maxPages: maxPagesOf(config) };
  const received = receiveDomain({ ...options, paused: true });
  const { domain } = await received.catch((error: unknown) => Promise.reject(restoreError(error, name)));
  try {
    await assertEnd(source);
    return domain;
  } catch (error) {
    await domain.destroy();
    throw error;
  }
}

async function opened<T>(path: string, opening: Promise<T>): Promise<T> {
  try {
    return await opening;
  } catch (cause) {
    throw new HostError('BAD_REQUEST', `cannot open ${path}: ${reasonOf(cause)}`, {
      cause,
      remedy: 'the host, not this command, opens the file: check the path and its rights there',
    });
  }
}

function writeError(error: unknown, path: string): unknown {
  const cause = error instanceof MigrationError ? error.cause : error;
  if (!(cause instanceof ChannelError) && !isSystemError(cause)) return error;
  return new HostError('REFUSED', `cannot write ${path}: ${cause.message}; the domain runs on`, {
    cause: error,
    remedy: 'make room there, or give another path',
  });
}

function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && 'syscall' in error;
}
