/** The addon in worker threads and in processes of its own, and the choice between the two implementations. */
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { PAGE } from './arbitraries.js';
import { describeAddon } from './implementations.js';

const INDEX = join(__dirname, '..', '..', '..', 'src', 'native', 'index.js');

function start(code: string, workerData: object): Worker {
  const prologue = `const { workerData } = require('node:worker_threads'); const { pageOps } = require(${JSON.stringify(INDEX)});`;
  return new Worker(prologue + code, { eval: true, workerData });
}

async function finished(worker: Worker): Promise<number> {
  const [code] = await once(worker, 'exit');
  return code as number;
}

function kindIn(env: NodeJS.ProcessEnv): string {
  const code = `console.log(require(${JSON.stringify(INDEX)}).pageOps.kind)`;
  return execFileSync(process.execPath, ['-e', code], { env, encoding: 'utf8' }).trim();
}

test('XENFERRY_NATIVE=0 means TypeScript', () => {
  expect(kindIn({ ...process.env, XENFERRY_NATIVE: '0' })).toBe('typescript');
});

describeAddon('the addon', (native) => {
  test('is what is used where it has been built', () => {
    expect(kindIn({ ...process.env, XENFERRY_NATIVE: '' })).toBe('native');
  });

  test('works in many threads over one memory, and when they are gone', async () => {
    const threads = [0, 1, 2, 3];
    const bitmap = new Uint8Array(new SharedArrayBuffer(threads.length));
    const code = `
      if (pageOps.kind !== 'native') throw new Error(pageOps.kind);
      pageOps.bitmapSet(workerData.bitmap.subarray(workerData.n, workerData.n + 1), Uint32Array.of(workerData.n));`;
    for (let round = 0; round < 2; round++) {
      bitmap.fill(0);
      expect(await Promise.all(threads.map((n) => finished(start(code, { bitmap, n }))))).toEqual([0, 0, 0, 0]);
      expect([...bitmap]).toEqual([1, 2, 4, 8]);
    }
    expect(native.bitmapCount(bitmap, 32)).toBe(4);
  });

  test('prefault loses no write of another thread', async () => {
    const pages = 16;
    const memory = new Uint8Array(new SharedArrayBuffer(pages * PAGE));
    const turns = new Int32Array(new SharedArrayBuffer(8));
    const code = `
      const { memory, turns, pages } = workerData;
      for (let turn = 0; Atomics.load(turns, 1) === 0 || turn % 256 !== 0; turn++) {
        for (let page = 0; page < pages; page++) memory[page * 4096] = (turn + 1) & 255;
        for (let page = 0; page < pages; page++) if (memory[page * 4096] !== ((turn + 1) & 255)) throw new Error('lost');
        Atomics.add(turns, 0, 1);
      }`;
    const writer = start(code, { memory, turns, pages });
    const exit = finished(writer);
    const until = performance.now() + 300;
    let touched = 0;
    while (performance.now() < until || (Atomics.load(turns, 0) < 1000 && performance.now() < until + 5000)) {
      native.prefault(memory);
      if (++touched % 1000 === 0) await new Promise(setImmediate);
    }
    Atomics.store(turns, 1, 1);
    expect(await exit).toBe(0);
    expect(Atomics.load(turns, 0)).toBeGreaterThanOrEqual(1000);
  });
});
