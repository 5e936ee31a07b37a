/** From the command line to the save helper's environment. */
import { environmentOf, wayBackOf } from '../../../src/cli/commands/migrate-xen.js';
import { parsePrepull } from '../../../src/cli/units.js';

const OPTIONS = { strategy: 'auto' } as const;
const SSH = { kind: 'ssh', sshCommand: 'ssh -p 2222', host: 'root@b' } as const;

test('the strategy goes to the helper, and with post-copy how ssh reaches the other end', () => {
  expect(environmentOf(OPTIONS, 'auto', 'ssh b')).toEqual({
    ...{ XENFERRY_ZERO_PAGES: 'skip', XENFERRY_STRATEGY: 'auto', XENFERRY_RETURN_SSH: 'ssh b' },
  });
  expect(environmentOf(OPTIONS, 'precopy', 'ssh b')).toEqual({
    ...{ XENFERRY_ZERO_PAGES: 'skip', XENFERRY_STRATEGY: 'precopy' },
  });
  expect(environmentOf(OPTIONS, 'tsmc', undefined)).not.toHaveProperty('XENFERRY_RETURN_SSH');
});

test('rates are whole numbers of bytes', () => {
  expect(
    environmentOf({ ...OPTIONS, bandwidth: 1.5e6 + 0.5, postcopyBandwidth: 1e6 }, 'tsmc', undefined),
  ).toMatchObject({
    ...{ XENFERRY_BANDWIDTH: '1500000', XENFERRY_POSTCOPY_BANDWIDTH: '1000000' },
  });
});

test('the way back is that of the way there, with this shell’s agent: a helper that stands by has another environment', () => {
  expect(wayBackOf(OPTIONS, SSH, {})).toBe('ssh -p 2222 root@b');
  expect(wayBackOf(OPTIONS, SSH, { SSH_AUTH_SOCK: '/tmp/a b' })).toBe(
    "export SSH_AUTH_SOCK='/tmp/a b'; ssh -p 2222 root@b",
  );
});

test('what the operator names goes before', () => {
  expect(wayBackOf({ ...OPTIONS, returnSsh: 'ssh c' }, SSH, {})).toBe('ssh c');
  expect(wayBackOf({ ...OPTIONS, returnSsh: 'ssh c' }, undefined, {})).toBe('ssh c');
  expect(wayBackOf(OPTIONS, SSH, { XENFERRY_RETURN_ADDRESS: '10.0.0.1:99' })).toBeUndefined();
});

test('within one host there is none', () => {
  expect(wayBackOf(OPTIONS, undefined, {})).toBeUndefined();
});

test('prepull is a number of pages, or left to the pager', () => {
  expect(['adaptive', '0', '16'].map(parsePrepull)).toEqual(['adaptive', 0, 16]);
  for (const text of ['', '-1', '10000', 'all']) expect(() => parsePrepull(text)).toThrow();
});
