import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BuildEvents, buildParts, type Part } from '../../xen-lab/build/part.js';
import { digestOf, digestOfPath, Stamps } from '../../xen-lab/build/stamp.js';

let dir: string;
let built: string[];

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'xen-lab-unit-'));
  built = [];
});
afterEach(() => rmSync(dir, { recursive: true }));

const SILENT: BuildEvents = { cached: () => undefined, begun: () => undefined, built: () => undefined };

function part(name: string, after: string[] = [], inputs: string[] = []): Part {
  return { name, after, inputs, build: async () => void built.push(name) };
}

function build(...parts: Part[]): Promise<void> {
  return buildParts(parts, new Stamps(join(dir, 'stamps')), SILENT);
}

test('parts are built behind those that they stand on, and not a second time', async () => {
  const parts = [part('image', ['root', 'kernel']), part('root'), part('kernel')];
  await build(...parts);
  expect(built).toEqual(['root', 'kernel', 'image']);
  await build(...parts);
  expect(built).toHaveLength(3);
});

test('where a part changes, it and what stands on it are built again', async () => {
  await build(part('root', [], ['a']), part('kernel'), part('image', ['root', 'kernel']), part('last', ['image']));
  built = [];
  await build(part('root', [], ['b']), part('kernel'), part('image', ['root', 'kernel']), part('last', ['image']));
  expect(built).toEqual(['root', 'image', 'last']);
});

test('a part that failed is built again, what stands on it is not begun, and the failure is told', async () => {
  const broken: Part = { ...part('root'), build: () => Promise.reject(new Error('no space')) };
  await expect(build(broken, part('image', ['root']), part('kernel'))).rejects.toThrow('no space');
  expect(built).toEqual(['kernel']);
  await build(part('root'), part('image', ['root']), part('kernel'));
  expect(built).toEqual(['kernel', 'root', 'image']);
});

test('a part whose rebuilding fails does not look whole afterwards', async () => {
  await build(part('root', [], ['a']));
  const broken: Part = { ...part('root', [], ['b']), build: () => Promise.reject(new Error('cut off')) };
  await expect(build(broken)).rejects.toThrow('cut off');
  await build(part('root', [], ['a']));
  expect(built).toEqual(['root', 'root']);
});

test('parts that wait for one another are an error', async () => {
  await expect(build(part('a', ['b']), part('b', ['a']))).rejects.toThrow('wait for one another');
});

test('a digest knows where one text ends', () => {
  expect(digestOf(['ab', 'c'])).not.toBe(digestOf(['a', 'bc']));
});

test("a folder's digest follows names, contents and modes", () => {
  const folder = join(dir, 'guest');
  mkdirSync(join(folder, 'sub'), { recursive: true });
  writeFileSync(join(folder, 'sub', 'a'), 'x');
  const digests = [digestOfPath(folder)];
  writeFileSync(join(folder, 'sub', 'a'), 'y');
  digests.push(digestOfPath(folder));
  chmodSync(join(folder, 'sub', 'a'), 0o755);
  digests.push(digestOfPath(folder));
  writeFileSync(join(folder, 'b'), '');
  digests.push(digestOfPath(folder));
  expect(new Set(digests).size).toBe(4);
  rmSync(join(folder, 'b'));
  expect(digestOfPath(folder)).toBe(digests[2]);
});
