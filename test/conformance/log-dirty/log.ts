/** What the log-dirty topics share: a domain under log-dirty, and its bitmap as a value. */
import type { DirtyStats, Domain } from '../../../src/backends/backend.js';
import { bytesFor } from '../pages.js';
import type { Actor, Scene } from '../runner.js';

export interface Log {
  readonly pages: number;
  readonly bitmap: Uint8Array;
  readonly stats: DirtyStats;
}

/** PEEK of the whole domain. */
export async function peekAll(domain: Domain): Promise<Log> {
  const pages = (await domain.info()).nrGfns;
  const bitmap = new Uint8Array(bytesFor(pages));
  return { pages, bitmap, stats: await domain.logDirty.peek(pages, bitmap) };
}

/** CLEAN of the whole domain. */
export async function cleanAll(domain: Domain): Promise<Log> {
  const pages = (await domain.info()).nrGfns;
  const bitmap = new Uint8Array(bytesFor(pages));
  return { pages, bitmap, stats: await domain.logDirty.clean(pages, bitmap) };
}

/**
 * A running domain under log-dirty, counters zeroed, whose pages have been written before it was turned on: a page that
 * was never touched could look clean for the wrong reason.
 */
export async function logged(scene: Scene, request?: Parameters<Scene['start']>[0]): Promise<Actor> {
  const actor = await scene.start(request);
  await actor.guest.write(actor.pages, 1);
  await actor.domain.logDirty.enable();
  await cleanAll(actor.domain);
  return actor;
}
