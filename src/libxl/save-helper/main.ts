#!/usr/bin/env node
/**
 * A replacement for libxl-save-helper, which libxl starts where LIBXL_SAVE_HELPER names it (Xen tools/libs/light/
 * libxl_save_callout.c). It runs from one file and V8's code for it where the build has made them
 * (scripts/bundle-save-helper.mjs): a hundred small ones may take longer to load than a domain takes to move.
 */
import { readFileSync, statSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { Script } from 'node:vm';

type Helper = typeof import('./process.js');

const MODULES = join(__dirname, 'process.js');
const BUNDLE = join(__dirname, '..', '..', 'save-helper', 'bundle.js');

function load(): Helper {
  const source = isCurrent() ? contents(BUNDLE) : undefined;
  if (!source) return require(MODULES) as Helper;
  // Code of another V8 is refused, and compiled anew.
  const script = new Script(source.toString('latin1'), { filename: BUNDLE, cachedData: contents(`${BUNDLE}.code`) });
  const module = { exports: {} as Helper };
  script.runInThisContext()(module.exports, createRequire(BUNDLE), module, BUNDLE, dirname(BUNDLE));
  return module.exports;
}

/** Whoever compiles the modules anew and makes no bundle wants to run what has been compiled. */
function isCurrent(): boolean {
  try {
    return statSync(BUNDLE).mtimeMs >= statSync(MODULES).mtimeMs;
  } catch {
    return false;
  }
}

function contents(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

void load().run(process.argv.slice(2));
