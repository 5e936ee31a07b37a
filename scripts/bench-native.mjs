/**
 * Times the page operations, native beside TypeScript, on one core: npm run bench:native. Best of several runs; memory is
 * 1 GiB for what reads pages, batches are 1024 pages as in a migration.
 */
import { randomFillSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';

const require = createRequire(import.meta.url);
const { fallback } = require('../dist/src/native/fallback.js');
const { loadAddon } = require('../dist/src/native/index.js');

const PAGE = 4096;
const BATCH = 1024;
const GIB = 1 << 30;
const PAGES = GIB / PAGE;

/** Milliseconds of the fastest of `runs`. */
function fastest(work, runs) {
  let best = Number.POSITIVE_INFINITY;
  for (let run = 0; run < runs; run++) {
    const start = performance.now();
    work();
    best = Math.min(best, performance.now() - start);
  }
  return best;
}

const micros = (ms) => `${(ms * 1000).toFixed(1)} µs`;
const throughput = (bytes) => (ms) => `${(bytes / ms / 1e6).toFixed(1)} GB/s`;

function bitmapOf(kind) {
  const bitmap = new Uint8Array(PAGES / 8);
  if (kind === 'full') bitmap.fill(0xff);
  if (kind === 'one page in 100') for (let gfn = 7; gfn < PAGES; gfn += 100) bitmap[gfn >> 3] |= 1 << (gfn & 7);
  return bitmap;
}

const memory = new Uint8Array(new SharedArrayBuffer(GIB));
(loadAddon() ?? fallback).prefault(memory);
const buffer = randomFillSync(new Uint8Array(BATCH * PAGE));
const gfns = new Uint32Array(PAGES);
const flags = new Uint8Array(BATCH);
const digests = new Uint8Array(BATCH * 16);

const neighbours = Array.from({ length: PAGES / BATCH }, (_, n) =>
  Uint32Array.from({ length: BATCH }, (_, i) => n * BATCH + i),
);
/** No two slots adjacent, every page visited once. */
const scattered = neighbours.map((slots) => slots.map((slot) => Math.imul(slot, 40503) & (PAGES - 1)));

function eachBatch(batches, work) {
  for (const slots of batches) work(slots);
}

const rows = [];
function row(name, format, runs, work) {
  const [native, typescript] = [loadAddon(), fallback].map((ops) =>
    ops ? format(fastest(() => work(ops), runs)) : 'not built',
  );
  rows.push({ name, native, typescript });
}

for (const kind of ['empty', 'one page in 100', 'full']) {
  const bitmap = bitmapOf(kind);
  row(`bitmapToGfns, bitmap of a 1 GiB domain, ${kind}`, micros, 50, (ops) => ops.bitmapToGfns(bitmap, PAGES, 0, gfns));
  row(`bitmapCount, the same`, micros, 50, (ops) => ops.bitmapCount(bitmap, PAGES));
}
row('zeroPages, 1 GiB of zeroes', throughput(GIB), 3, (ops) =>
  eachBatch(neighbours, (s) => ops.zeroPages(memory, s, flags)),
);
row('scatter, neighbouring pages', throughput(GIB), 3, (ops) =>
  eachBatch(neighbours, (s) => ops.scatter(buffer, memory, s)),
);
row('scatter, single pages', throughput(GIB), 3, (ops) => eachBatch(scattered, (s) => ops.scatter(buffer, memory, s)));
row('gather, neighbouring pages', throughput(GIB), 3, (ops) =>
  eachBatch(neighbours, (s) => ops.gather(memory, s, buffer)),
);
row('gather, single pages', throughput(GIB), 3, (ops) => eachBatch(scattered, (s) => ops.gather(memory, s, buffer)));
row('zeroPages, 1 GiB of noise', micros, 3, (ops) => eachBatch(neighbours, (s) => ops.zeroPages(memory, s, flags)));
row('digestPages', throughput(GIB), 2, (ops) => eachBatch(neighbours, (s) => ops.digestPages(memory, s, digests)));

const copies = fastest(() => {
  for (let at = 0; at < GIB; at += buffer.length) buffer.set(memory.subarray(at, at + buffer.length));
}, 3);

console.log(`${cpus()[0].model}, node ${process.version}\n`);
console.log('| operation | native | TypeScript |\n|-|-|-|');
for (const { name, native, typescript } of rows) console.log(`| ${name} | ${native} | ${typescript} |`);
console.log(`| memcpy, 4 MiB at a time, to compare with | ${throughput(GIB)(copies)} | |`);
