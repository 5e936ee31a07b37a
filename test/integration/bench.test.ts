/** The benchmark on domains so small that its figures mean nothing, and its shape is what counts. */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';

const BENCH = join(__dirname, '..', '..', 'bench', 'main.js');

test('one run prints every figure', async () => {
  const { stdout, stderr } = await promisify(execFile)(process.execPath, [
    ...[BENCH, '--json', '--memory', '32', '--runs', '1', '--shrink', '16'],
  ]);
  expect(stderr).toBe('');
  const positive = expect.any(Number);
  const result = JSON.parse(stdout) as Record<string, Record<string, number>>;
  expect(result).toMatchObject({
    throughput: { rawGBps: positive, migrationGBps: positive, ratio: positive },
    downtime: { precopyIdleMs: positive, tsmcHotMs: positive },
    clean: { msPerGiB: positive },
    memory: { sourceExtraMB: positive, destinationExtraMB: positive },
    slowdown: { stage1: positive },
  });
  const { rawGBps, migrationGBps, ratio } = result.throughput;
  expect(ratio).toBeCloseTo(migrationGBps / rawGBps);
  // 32 MiB in less than ten seconds, and no faster than any memory.
  expect(migrationGBps).toBeGreaterThan(0.003);
  expect(migrationGBps).toBeLessThan(1000);
  expect(result.memory.sourceExtraMB).toBeGreaterThan(10);
});
