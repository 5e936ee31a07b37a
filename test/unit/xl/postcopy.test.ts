/** What is refused before anything is touched. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { domainObstacle, helperObstacle, pagingObstacle } from '../../../src/libxl/xl/postcopy.js';
import { parseDomain, type XlDomain } from '../../../src/libxl/xl/toolstack.js';
import { wayBackObstacle } from '../../../src/libxl/xl/way-back-check.js';

const GOOD: XlDomain = {
  ...{ domid: 3, name: 'web', type: 'pvh', pciDevices: [] },
  ...{ hap: true, passthrough: false, targetKb: 262_144, maxKb: 262_144 },
};

test('a PVH or HVM domain with HAP and all of its memory is let through, as is one of which xl says less', () => {
  expect(domainObstacle(GOOD)).toBeUndefined();
  expect(domainObstacle({ ...GOOD, type: 'hvm' })).toBeUndefined();
  expect(domainObstacle({ domid: 3, name: 'web', type: 'pvh', pciDevices: [] })).toBeUndefined();
});

test.each<[string, Partial<XlDomain>, RegExp]>([
  ['a PV domain', { type: 'pv' }, /PV domain/],
  ['one without HAP', { hap: false }, /shadow page tables/],
  ['one in the IOMMU', { passthrough: true }, /IOMMU/],
  ['one that may be populated on demand', { targetKb: 131_072 }, /128 MiB of memory and a maxmem of 256 MiB/],
])('%s is refused, by name, with a way out', (_, part, problem) => {
  const found = domainObstacle({ ...GOOD, ...part });
  expect(found?.problem).toMatch(problem);
  expect(found?.problem).toContain('domain web');
  expect(found?.remedy).toContain('--strategy precopy');
});

test('xl list -l tells of all of them', () => {
  const b_info = { target_memkb: 131_072, max_memkb: 262_144, shadow_memkb: 1 };
  const domain = (c_info: object, more = {}) =>
    parseDomain(JSON.stringify([{ domid: 3, config: { c_info: { type: 'hvm', name: 'web', ...c_info }, ...more } }]));
  expect(domain({ hap: 'False', passthrough: 'share_pt' }, { b_info })).toMatchObject({
    ...{ hap: false, passthrough: true, targetKb: 131_072, maxKb: 262_144 },
  });
  expect(domain({ hap: 'True', passthrough: 'disabled' })).toMatchObject({ hap: true, passthrough: false });
  expect(domain({ hap: 1, passthrough: null }, { b_info: { target_memkb: 'x' } })).toEqual({
    ...{ domid: 3, name: 'web', type: 'hvm', pciDevices: [] },
  });
});

test.each<[string, unknown, RegExp | undefined]>([
  ['yes', { findings: [{ id: 'hap' }, { id: 'paging', answer: 'yes', found: 'built in' }] }, undefined],
  ['no', { findings: [{ id: 'paging', answer: 'no', found: 'not built' }] }, /^no memory paging.*: not built$/],
  ['unknown', { findings: [{ id: 'paging', answer: 'unknown', found: 'not asked' }] }, /cannot be told.*not asked/],
  ['none, of a host without Xen', { findings: [{ id: 'dom0', answer: 'no' }] }, /did not answer/],
  ['nothing', undefined, /did not answer/],
  ['null', null, /did not answer/],
  ['something else', { findings: 'yes' }, /did not answer/],
  ['broken findings', { findings: [null, { id: 'paging', answer: 7, found: {} }] }, /did not answer/],
])('the doctor says %s', (_, diagnosis, problem) => {
  const found = pagingObstacle(diagnosis);
  if (problem) expect(found?.problem).toMatch(problem);
  else expect(found).toBeUndefined();
});

test('the other host’s words are cut', () => {
  const diagnosis = { findings: [{ id: 'paging', answer: 'no', found: 'x'.repeat(1e6) }] };
  expect(pagingObstacle(diagnosis)?.problem.length).toBeLessThan(400);
});

test('only the launcher’s process may end while the helper goes on', () => {
  const folder = mkdtempSync(join(tmpdir(), 'xenferry-launcher-'));
  try {
    mkdirSync(join(folder, 'native/build/Release'), { recursive: true });
    const launcher = join(folder, 'native/build/Release/xenferry-save-helper');
    writeFileSync(launcher, '');
    symlinkSync(launcher, join(folder, 'link'));
    expect(helperObstacle(launcher)).toBeUndefined();
    expect(helperObstacle(join(folder, 'link'))).toBeUndefined();
    expect(helperObstacle('/x/dist/src/libxl/save-helper/main.js')?.problem).toContain('not the launcher');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a way back is tried where one is needed', async () => {
  expect(await wayBackObstacle(undefined)).toBeUndefined();
  const listens = "sh -c 'echo Allocated port 5000 for remote forward to x >&2; sleep 1000' ssh";
  expect(await wayBackObstacle(listens)).toBeUndefined();
  const refused = "sh -c 'echo Error: remote port forwarding failed for listen port 0 >&2; exit 255' ssh";
  expect(await wayBackObstacle(refused)).toMatchObject({
    problem: expect.stringContaining('remote port forwarding failed'),
    remedy: expect.stringContaining('AllowTcpForwarding'),
  });
});

test('who interrupts does not wait for it', async () => {
  const reason = new Error('Ctrl-C');
  await expect(wayBackObstacle("sh -c 'sleep 1000'", AbortSignal.abort(reason))).rejects.toBe(reason);
});
