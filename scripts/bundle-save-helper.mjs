/**
 * Makes one file, and V8's code for it, of the save helper and all that it loads: libxl starts it anew for every migration, at both
 * ends, and a hundred files cost more than the migration of a small domain does where the disk or the CPU is slow.
 *
 * usage: bundle-save-helper.mjs [DIST]   what tsc has written; default: dist
 */
import { chmodSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { Script } from 'node:vm';
import { build } from 'esbuild';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const dist = resolve(process.argv[2] ?? join(root, 'dist'));
// As far below the package's root as src/native, which looks for the addon from where it stands.
const folder = join(dist, 'src', 'save-helper');
const bundle = join(folder, 'bundle.js');

/** The packages that bring an addon look for it beside themselves. */
const ADDON_PACKAGES = ['ffi-napi', 'ref-napi'];
const whereTheyStand = {
  name: 'where-they-stand',
  setup({ onLoad, onResolve }) {
    // ffi-napi knows the other by the name that it was published under.
    onResolve({ filter: /^@2060\.io\/ref-napi$/ }, ({ resolveDir }) => ({
      path: join(packageFolder('ref-napi', resolveDir), 'lib', 'ref.js'),
    }));
    onLoad({ filter: /node_modules\/(ffi-napi|ref-napi)\/lib\/.*\.js$/ }, ({ path }) => {
      const name = ADDON_PACKAGES.find((one) => path.includes(`/node_modules/${one}/`));
      const here = `require('path').join(require('path').dirname(require.resolve('${name}/package.json')), 'lib')`;
      return { contents: readFileSync(path, 'utf8').replaceAll('__dirname', here), loader: 'js' };
    });
  },
};

function packageFolder(name, from) {
  return join(from.slice(0, from.lastIndexOf('/node_modules/')), 'node_modules', name);
}

const helper = join(dist, 'src', 'libxl', 'save-helper');
// libxl executes it as it stands.
chmodSync(join(helper, 'main.js'), 0o755);
rmSync(folder, { recursive: true, force: true });
await build({
  entryPoints: [join(helper, 'process.js')],
  outfile: bundle,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'cjs',
  // As Node's own modules are wrapped; ASCII, so that a byte is a character.
  banner: { js: '(function(exports,require,module,__filename,__dirname){' },
  footer: { js: '})' },
  charset: 'ascii',
  minifySyntax: true,
  minifyWhitespace: true,
  keepNames: true,
  legalComments: 'none',
  external: ADDON_PACKAGES.map((name) => `${name}/package.json`),
  plugins: [whereTheyStand],
  logLevel: 'warning',
});

// Functions are compiled when they are first called, and few have been yet: here all of them are.
setFlagsFromString('--no-lazy');
const source = readFileSync(bundle, 'latin1');
const script = new Script(source, { filename: bundle });
setFlagsFromString('--lazy');
writeFileSync(`${bundle}.code`, script.createCachedData());
const again = new Script(source, { filename: bundle, cachedData: readFileSync(`${bundle}.code`) });
if (again.cachedDataRejected) throw new Error('V8 refuses its own code for the save helper');
