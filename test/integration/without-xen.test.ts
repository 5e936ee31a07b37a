/** The commands for a dom0, on a machine that is none. */
import { isControlDomain } from '../../src/libxl/xl/control-domain.js';
import { json, run } from '../support/processes.js';

/** In a dom0 the lab's own tests ask the same commands. */
const onLaptop = isControlDomain() ? test.skip : test;

onLaptop('doctor says that there is no Xen, and what runs here instead', async () => {
  const { code, stdout, stderr } = await run('doctor');
  expect({ code, stderr }).toEqual({ code: 13, stderr: '' });
  expect(stdout).toMatch(/no Xen under this machine/);
  expect(stdout).toMatch(/emulated backend.*\n {2}xenferry demo/);
});

onLaptop('the same for programs', async () => {
  const { code, document } = await json('doctor');
  expect(code).toBe(13);
  expect(document).toMatchObject({ backend: 'emulated', ready: false, exit: 13 });
  expect(document.findings).toContainEqual(expect.objectContaining({ id: 'dom0', answer: 'no' }));
});

onLaptop('a domain of Xen’s cannot be migrated', async () => {
  const { code, document } = await json('migrate', 'web', 'b', '--backend', 'xen');
  expect(code).toBe(13);
  expect(document).toMatchObject({ error: { code: 'NO_XEN', exit: 13, remedy: expect.stringContaining('doctor') } });
});

onLaptop.each(['tsmc', 'auto', 'precopy'])('whichever way: %s', async (strategy) => {
  const { code, document } = await json('migrate', 'web', 'b', '--backend', 'xen', '--strategy', strategy);
  expect(code).toBe(13);
  expect(document).toMatchObject({ error: { code: 'NO_XEN' } });
});

onLaptop('status is a xenferry host’s here, and knows no domains', async () => {
  const { code, document } = await json('status', 'web');
  expect(code).toBe(2);
  expect(document).toMatchObject({ error: { message: expect.stringContaining('xenferry info web') } });
});

test.each([
  [['--faults'], '--faults'],
  [['--postcopy-bandwidth', '1kbit'], '--postcopy-bandwidth'],
  [['--bandwidth', '1kbit'], '--bandwidth'],
  [['--stock-receiver', '--receiver-helper', '/x'], '--stock-receiver'],
  [['--receive-command', 'x', '--ssh-command', 'y'], '--receive-command'],
])('%s is refused on Xen', async (options, named) => {
  const { code, document } = await json('migrate', 'web', 'b', '--backend', 'xen', ...options);
  expect(code).toBe(2);
  expect(document).toMatchObject({ error: { code: 'USAGE', message: expect.stringContaining(named) } });
});

test.each([
  ['--prepull', '16'],
  ['--return-ssh', 'ssh b'],
])('%s means nothing to a xenferry host', async (...option) => {
  const { code, document } = await json('migrate', 'web', 'b', '--backend', 'emulated', ...option);
  expect(code).toBe(2);
  expect(document).toMatchObject({ error: { message: expect.stringContaining(option[0]) } });
});

test('an option for Xen means nothing to a xenferry host', async () => {
  const { code, document } = await json('migrate', 'web', 'b', '--backend', 'emulated', '--stock-receiver');
  expect(code).toBe(2);
  expect(document).toMatchObject({ error: { message: expect.stringContaining('--stock-receiver') } });
});

test.each([
  ['-oProxyCommand=x', 'web'],
  ['b c', 'web'],
  ['b', '-v'],
])('host "%s", domain "%s": they would be options of ssh or xl', async (host, domain) => {
  const { code, stderr } = await run('migrate', '--backend', 'xen', '--', domain, host);
  expect({ code, stderr }).toEqual({ code: 2, stderr: expect.stringMatching(/is no (host|domain's name)/) });
});
