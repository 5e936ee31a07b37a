/** What npm would publish: whole in itself. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

const ROOT = join(__dirname, '..', '..', '..');

interface Manifest {
  readonly engines: { readonly node: string };
  readonly exports: Readonly<Record<string, string | { readonly types: string; readonly default: string }>>;
}

const MANIFEST = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as Manifest;

const PACKED: readonly string[] = (
  JSON.parse(
    execFileSync('npm', ['pack', '--dry-run', '--json', '--offline', '--ignore-scripts'], {
      cwd: ROOT,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
      timeout: 30_000,
    }),
  ) as { files: { path: string }[] }[]
)[0].files.map(({ path }) => path);

const text = (path: string): string => readFileSync(join(ROOT, path), 'utf8');
/** A file, or a folder with something in it. */
const isPacked = (path: string): boolean => PACKED.some((file) => file === path || file.startsWith(`${path}/`));

test('every link of its documents leads to something that is in it', () => {
  const documents = PACKED.filter((path) => path.endsWith('.md'));
  expect(documents).toContain('docs/backend-authors.md');
  const dead = documents.flatMap((document) =>
    [...text(document).matchAll(/\]\(([^)#\s]+)[^)]*\)/g)]
      .map(([, to]) => to)
      .filter((to) => !/^https?:/.test(to))
      .filter((to) => !isPacked(posix.join(posix.dirname(document), to).replace(/\/$/, '')))
      .map((to) => `${document} → ${to}`),
  );
  expect(dead).toEqual([]);
});

test('a source map comes with its source', () => {
  const maps = PACKED.filter((path) => path.endsWith('.map'));
  expect(maps.length).toBeGreaterThan(0);
  const lone = maps.filter((map) => {
    const { sources } = JSON.parse(text(map)) as { sources: string[] };
    return !sources.every((source) => isPacked(posix.join(posix.dirname(map), source)));
  });
  expect(lone).toEqual([]);
});

test('everything that is exported is in it', () => {
  const targets = Object.values(MANIFEST.exports).flatMap((to) => (typeof to === 'string' ? [to] : Object.values(to)));
  expect(targets.filter((to) => !isPacked(posix.normalize(to)))).toEqual([]);
  expect(Object.keys(MANIFEST.exports)).toContain('./transport');
});

test('the README asks for the Node that the package asks for', () => {
  expect(text('README.md')).toContain(`Node ${MANIFEST.engines.node.replace('>=', '')} or later`);
});
