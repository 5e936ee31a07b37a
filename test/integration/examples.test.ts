/** The examples are programs of a user of the package: they import it by its name. */
import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

const ROOT = join(__dirname, '..', '..', '..');
const run = promisify(execFile);

test('two hosts in one process: the domain arrives, and the program ends by itself', async () => {
  const { stdout } = await run(process.execPath, [join(ROOT, 'dist/examples/two-hosts.js')], { timeout: 30_000 });
  expect(stdout).toMatch(/^web runs at the destination, 0 pages missing\ntsmc: \d+ pages in \d+ ms\n$/);
});

test('the skeleton of a backend refuses what it cannot do, by the codes of the contract', async () => {
  const program = `
    const { MyBackend } = require('./dist/examples/backend-skeleton.js');
    (async () => {
      const backend = new MyBackend();
      const codes = [];
      const code = (error) => codes.push(error.code);
      codes.push(Object.isFrozen(backend.capabilities), (await backend.listDomains()).length);
      await backend.domain(1).catch(code);
      await backend.createShell().catch(code);
      await backend.close();
      await backend.listDomains().catch(code);
      console.log(codes.join());
    })();`;
  const { stdout } = await run(process.execPath, ['-e', program], { cwd: ROOT });
  expect(stdout.trim()).toBe('true,0,NO_SUCH_DOMAIN,NOT_SUPPORTED,CLOSED');
});

test('docs/backend-authors.md shows the skeleton as it is', () => {
  const skeleton = readFileSync(join(ROOT, 'examples/backend-skeleton.ts'), 'utf8');
  expect(readFileSync(join(ROOT, 'docs/backend-authors.md'), 'utf8')).toContain(`\`\`\`ts\n${skeleton}\`\`\`\n`);
});
