/**
 * The architecture as a table: which part of src may import which. Parts are files or folders under src; the longest
 * matching one counts, so a folder inside another is a part of its own.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join, posix } from 'node:path';

const CONTRACT = ['backends/backend.ts', 'backends/errors.ts'];
const ENGINE = ['migrate', 'migrate/io'];
const BACKENDS = ['backends/emulated', 'backends/xen'];

const MAY_IMPORT: Record<string, readonly string[]> = {
  native: ['native'],
  'backends/errors.ts': [],
  'backends/backend.ts': ['backends/errors.ts'],
  'backends/emulated': ['backends/emulated', ...CONTRACT, 'native'],
  'backends/xen': ['backends/xen', ...CONTRACT, 'native'],
  'migrate/io': ['migrate/io'],
  migrate: [...ENGINE, ...CONTRACT, 'native'],
  transport: ['transport', 'migrate/io'],
  'libxl/save-helper': [
    'libxl/save-helper',
    'libxl/stage3',
    'transport',
    ...ENGINE,
    ...CONTRACT,
    'backends/xen',
    'native',
  ],
  'libxl/stage3': ['libxl/stage3', ...ENGINE, ...CONTRACT, 'backends/xen', 'native'],
  'libxl/xl': ['libxl/xl', 'libxl/save-helper', ...ENGINE, ...CONTRACT],
  'libxl/standby': ['libxl/standby', ...CONTRACT, 'native'],
  'libxl/doctor': ['libxl/doctor', 'libxl/xl', 'libxl/standby', 'backends/xen', ...CONTRACT, 'native'],
  host: ['host', 'transport', ...ENGINE, ...CONTRACT, ...BACKENDS, 'native'],
  cli: [
    'cli',
    'host',
    'transport',
    'libxl/xl',
    'libxl/doctor',
    'libxl/standby',
    'libxl/stage3',
    ...ENGINE,
    ...CONTRACT,
    ...BACKENDS,
    'native',
  ],
  'index.ts': ['host', 'transport', ...ENGINE, ...CONTRACT, ...BACKENDS, 'native'],
};

const PARTS = Object.keys(MAY_IMPORT).sort((a, b) => b.length - a.length);

function partOf(file: string): string | undefined {
  return PARTS.find((part) => file === part || file.startsWith(`${part}/`));
}

/** Relative imports of a source text, types included, as paths under src. */
function importsOf(file: string, text: string): string[] {
  const specifiers = text.matchAll(
    /(?:\bfrom|\bimport|\bimport\(|\brequire\(|\brequire\.resolve\()\s*['"](\.[^'"]+)['"]/g,
  );
  return [...specifiers].map(([, to]) => posix.join(posix.dirname(file), to).replace(/\.js$/, '.ts'));
}

function violations(file: string, text: string): string[] {
  const part = partOf(file);
  if (part === undefined) return [`src/${file} is in no part of the table`];
  return importsOf(file, text)
    .filter((to) => !MAY_IMPORT[part].includes(partOf(to) ?? ''))
    .map((to) => `src/${file} (${part}) may not import src/${to} (${partOf(to) ?? 'no part of the table'})`);
}

const SRC = join(__dirname, '..', '..', '..', 'src');

function sources(): [file: string, text: string][] {
  return readdirSync(SRC, { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts'))
    .map((file) => [file.replaceAll('\\', '/'), readFileSync(join(SRC, file), 'utf8')]);
}

test('every import in src is one that the table allows', () => {
  const all = sources();
  expect(all.length).toBeGreaterThan(5);
  expect(all.flatMap(([file, text]) => violations(file, text))).toEqual([]);
});

test('one file alone loads the addon', () => {
  const loaders = sources().filter(([, text]) => text.includes('xenferry.node'));
  expect(loaders.map(([file]) => file)).toEqual(['native/index.ts']);
});

test.each([
  ['migrate/send/x.ts', "import { x } from '../../backends/emulated/machine.js';"],
  ['migrate/send/x.ts', "import type {\n  X,\n} from '../../host/host.js';"],
  ['backends/emulated/x.ts', "import type { Clock } from '../../migrate/io/clock.js';"],
  ['backends/emulated/live/x.ts', "const x = await import('../../xen/libxc.js');"],
  ['backends/backend.ts', "export { x } from './emulated/machine.js';"],
  ['transport/x.ts', "import '../migrate/report.js';"],
  ['host/x.ts', "const x = require('../cli/main.js');"],
  ['misc/x.ts', ''],
])('a forbidden import in %s is found', (file, text) => {
  expect(violations(file, text)).toHaveLength(1);
});
