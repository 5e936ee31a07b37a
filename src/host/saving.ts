/** A domain to a file and back. */
import type { z } from 'zod';
import { MigrationError, receiveDomain, sendDomain } from '../migrate/index.js';
import { FileSink, openFileSource } from '../transport/index.js';
import type { DomainView, RestoreRequest, SavedView, SaveRequest } from './api.js';
import { maxPagesOf } from './domain-config.js';
import type { Entry } from './domain-table.js';
import { HostError } from './errors.js';
import type { Host } from './host.js';
import { badSaveFile, encodeSaveHeader, readSaveHeader } from './save-file.js';

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

async function writeFile(entry: Entry, path: string): Promise<{ totalMs: number; bytes: number }> {
  const sink = onFile(path, () => FileSink.create(path));
  let suspended = false;
  try {
    await sink.channel.write([encodeSaveHeader(entry.config)]);
    const { totalMs } = await sendDomain({ domain: entry.domain, stream: sink.channel, strategy: 'precopy' });
    suspended = true;
    await sink.commit();
    return { totalMs, bytes: sink.channel.bytesWritten };
  } catch (error) {
    await sink.abort();
    if (suspended) await entry.domain.resume();
    throw error;
  }
}

export async function restoreDomain(host: Host, request: z.output<typeof RestoreRequest>): Promise<DomainView> {
  host.assertOpen();
  const source = onFile(request.path, () => openFileSource(request.path));
  try {
    const saved = await readSaveHeader(source);
    const config = { ...saved, name: request.name ?? saved.name };
    using _name = host.domains.reserve(config.name);
    const { name, vcpus } = config;
    const backend = host.backend.hypervisor;
    const { domain, stage3 } = await receiveDomain({
      ...{ backend, stream: source, name, maxPages: maxPagesOf(config), vcpus, paused: request.paused },
    });
    await stage3;
    return host.domains.view(host.domains.add(domain, config));
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    throw badSaveFile(error.message, error);
  } finally {
    source.destroy();
  }
}

function onFile<T>(path: string, open: () => T): T {
  try {
    return open();
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause);
    throw new HostError('BAD_REQUEST', `cannot open ${path}: ${why}`, {
      cause,
      remedy: 'the host, not this command, opens the file: check the path and its rights there',
    });
  }
}
