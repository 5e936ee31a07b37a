/**
 * Builds native/ with node-gyp. Without a toolchain the build goes on with one line that says so, because the TypeScript
 * fallback does the same work; XENFERRY_REQUIRE_NATIVE=1 makes that a failure.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const native = join(root, 'native');
const addon = join(native, 'build', 'Release', 'xenferry.node');
const log = join(native, 'build.log');

/** Headers installed beside node spare a download, and let the build work offline. */
function headerOptions() {
  const prefix = resolve(process.execPath, '..', '..');
  return existsSync(join(prefix, 'include', 'node', 'node_api.h')) ? [`--nodedir=${prefix}`] : [];
}

function nodeGyp() {
  try {
    const script = createRequire(import.meta.url).resolve('node-gyp/bin/node-gyp.js');
    const args = [script, 'configure', 'build', '--directory', native, ...headerOptions()];
    return spawnSync(process.execPath, args, { cwd: native, encoding: 'utf8', maxBuffer: 64 << 20 });
  } catch (error) {
    // It is a development dependency, and not there with --omit=dev.
    return { error };
  }
}

const { status, signal, error, stdout, stderr } = nodeGyp();
if (status === 0 && existsSync(addon)) {
  rmSync(log, { force: true });
  console.log('native: built native/build/Release/xenferry.node');
} else {
  writeFileSync(log, `${stdout ?? ''}${stderr ?? ''}${error ?? ''}\n`);
  // An older addon must not stand in for sources that no longer compile.
  rmSync(addon, { force: true });
  const why = error?.message.split('\n')[0] ?? (signal ? `killed by ${signal}` : `node-gyp exit ${status}`);
  console.error(
    `native: not built (${why}; see native/build.log): the slower TypeScript fallback will be used. ` +
      'Needs g++ or clang, make and Python 3.',
  );
  if (process.env.XENFERRY_REQUIRE_NATIVE === '1') process.exitCode = 1;
}
