/** hog.js MB SECONDS: takes so much of the hypervisor's memory for so long, or what it gets, by an empty domain that never runs. */
import { setTimeout as sleep } from 'node:timers/promises';
import { BackendError, type Domain, MAX_BATCH } from '../../../src/backends/backend.js';
import { XenHypervisor } from '../../../src/backends/xen/index.js';

const PAGES_PER_MB = 256;

async function main([megabytes, seconds]: readonly number[]): Promise<void> {
  await using backend = XenHypervisor.open();
  const [hog, maxPages] = await largestShell(backend, megabytes);
  let taken = 0;
  try {
    for (let size = MAX_BATCH; size >= 1 && taken < maxPages; ) {
      const gfns = Uint32Array.from({ length: Math.min(size, maxPages - taken) }, (_, i) => taken + i);
      try {
        await hog.memory.populate(gfns);
        taken += gfns.length;
      } catch {
        size >>= 1;
      }
    }
    process.stdout.write(`${taken} of ${maxPages} pages taken for ${seconds} s\n`);
    await sleep(seconds * 1000);
  } finally {
    await hog.destroy();
  }
}

/** Xen promises a shell all of its pages, or refuses it; some of what is free it does not promise. */
async function largestShell(backend: XenHypervisor, megabytes: number): Promise<[Domain, number]> {
  for (let mb = megabytes; ; mb--) {
    const maxPages = mb * PAGES_PER_MB;
    try {
      return [await backend.createShell({ name: 'hog', guestType: 'pv', maxPages, vcpus: 1 }), maxPages];
    } catch (error) {
      if (!(error instanceof BackendError) || error.code !== 'NO_MEMORY' || mb === 1) throw error;
    }
  }
}

main(process.argv.slice(2).map(Number)).catch((error: Error) => {
  process.stderr.write(`hog: ${error.message}\n`);
  process.exitCode = 1;
});
