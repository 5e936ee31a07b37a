/** docs/errors.md names every code of every error class, no other, and says what to do about each. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { BACKEND_ERROR_CODES } from '../../src/backends/errors.js';
import { HOST_ERROR_CODES } from '../../src/host/errors.js';
import { XL_ERROR_CODES } from '../../src/libxl/xl/errors.js';
import { MIGRATION_ERROR_CODES } from '../../src/migrate/errors.js';
import { STREAM_ERROR_CODES } from '../../src/migrate/stream/errors.js';

/** A class of the page → the codes that it may carry. */
const CODES: Record<string, object> = {
  BackendError: BACKEND_ERROR_CODES,
  MigrationError: MIGRATION_ERROR_CODES,
  StreamError: STREAM_ERROR_CODES,
  HostError: HOST_ERROR_CODES,
  XlError: XL_ERROR_CODES,
};

const PAGE = readFileSync(join(__dirname, '..', '..', '..', 'docs', 'errors.md'), 'utf8');

/** Splits at headings of one level: heading → what stands under it. */
function sections(text: string, mark: '##' | '###'): Map<string, string> {
  const [, ...parts] = text.split(new RegExp(`^${mark} `, 'm'));
  return new Map(
    parts.map((part) => {
      const end = part.indexOf('\n');
      return [part.slice(0, end).trim(), part.slice(end + 1)];
    }),
  );
}

const classes = sections(PAGE, '##');

test('the page has a section for each class of errors and no other', () => {
  expect([...classes.keys()].sort()).toEqual(Object.keys(CODES).sort());
});

describe.each(Object.entries(CODES))('%s', (name, codes) => {
  const entries = sections(classes.get(name) ?? '', '###');

  test('every code has an entry, and every entry a code', () => {
    expect([...entries.keys()].sort()).toEqual(Object.keys(codes).sort());
  });

  test('every entry says what happened and what to do', () => {
    for (const [code, entry] of entries) {
      const [happened, remedy] = entry.split('**What to do:**');
      expect([code, happened.trim().length > 20, (remedy ?? '').trim().length > 5]).toEqual([code, true, true]);
    }
  });
});
