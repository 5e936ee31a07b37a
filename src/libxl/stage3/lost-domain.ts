/** A domain that can never have its missing pages is destroyed: half alive, it would hang at the first of them, and nobody would know why. */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { Domain } from '../../backends/backend.js';

const run = promisify(execFile);
const TIMEOUT_MS = 60_000;

/** As what is told and done: by the machine's log, and xl, which takes the domain's devices away too. */
export interface Means {
  readonly log: (text: string) => Promise<unknown>;
  readonly xlDestroy: (domid: number) => Promise<unknown>;
}

const MEANS: Means = {
  log: (text) => run('logger', ['-p', 'daemon.crit', '-t', 'xenferry', text], { timeout: TIMEOUT_MS }),
  xlDestroy: (domid) => run('xl', ['destroy', String(domid)], { timeout: TIMEOUT_MS }),
};

/** Resolves to what has become of it, as a sentence. Never throws. */
export async function giveUp(domain: Domain, why: string, means = MEANS): Promise<string> {
  const told = await end(domain, why, means);
  await means.log(told).catch(() => undefined);
  return told;
}

/** With its devices, where xl can be asked to. */
export async function destroy(domain: Domain, { xlDestroy }: Pick<Means, 'xlDestroy'> = MEANS): Promise<void> {
  // That it is still this one.
  await domain.info();
  await xlDestroy(domain.domid).catch(() => domain.destroy());
}

async function end(domain: Domain, why: string, means: Means): Promise<string> {
  const { domid } = domain;
  try {
    await destroy(domain, means);
    return `domain ${domid} has been destroyed: ${why}. Restore it from its last save`;
  } catch (error) {
    return `domain ${domid} is to be destroyed, and could not be (${(error as Error).message}): ${why}. xl destroy ${domid}`;
  }
}
