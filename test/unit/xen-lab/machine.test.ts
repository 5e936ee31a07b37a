import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkBuilt } from '../../xen-lab/built.js';
import { jobsFor } from '../../xen-lab/run/jobs.js';

const GIB = 2 ** 30;
const ADDON = 'native/build/Release/xenferry.node';

test.each([
  [2, 32 * GIB, 2],
  [8, 16 * GIB, 3],
  [2, 7 * GIB, 1],
  [4, GIB, 1],
])('%i cores and %i bytes free: %i dom0s at the same time', (cores, free, jobs) => {
  expect(jobsFor(cores, free)).toBe(jobs);
});

describe('a repository that is not built', () => {
  let repo: string;
  beforeEach(() => {
    repo = mkdtempSync(join(tmpdir(), 'xen-lab-built-'));
  });
  afterEach(() => rmSync(repo, { recursive: true }));

  function put(path: string): void {
    mkdirSync(join(repo, path, '..'), { recursive: true });
    writeFileSync(join(repo, path), '');
  }

  test.each([
    ['nothing', [], /no .*xenferry\.node.*npm ci and npm run build/s],
    ['the addon alone', [ADDON], /ffi-napi is not installed.*apt-get install g\+\+/s],
  ])('has %s, and is told what to do', (_, paths, says) => {
    for (const path of paths) put(path);
    expect(() => checkBuilt(repo)).toThrow(says);
  });

  test('is told from one that is', () => {
    for (const path of [ADDON, 'node_modules/ffi-napi/index.js']) put(path);
    expect(() => checkBuilt(repo)).not.toThrow();
  });
});
