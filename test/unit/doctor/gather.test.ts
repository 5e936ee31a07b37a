import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { inPath, openProblem } from '../../../src/libxl/doctor/files.js';
import { readHypervisor } from '../../../src/libxl/doctor/hypervisor.js';
import { installedReleases } from '../../../src/libxl/doctor/libraries.js';
import { xenstoreAnswers } from '../../../src/libxl/doctor/xenstore.js';

const folder = mkdtempSync(join(tmpdir(), 'xenferry-doctor-'));
afterAll(() => rmSync(folder, { recursive: true }));

function write(path: string, text: string): void {
  mkdirSync(join(folder, path, '..'), { recursive: true });
  writeFileSync(join(folder, path), text);
}

test('what Linux says of the hypervisor', () => {
  expect(readHypervisor(folder)).toEqual({
    ...{ type: undefined, version: undefined, versionText: '', capabilities: undefined },
  });
  const files = { type: 'xen', 'version/major': '4', 'version/minor': '20', 'version/extra': '.2-pre' };
  for (const [name, text] of Object.entries(files)) write(`sys/hypervisor/${name}`, `${text}\n`);
  write('proc/xen/capabilities', 'control_d\n');
  expect(readHypervisor(folder)).toEqual({
    ...{ type: 'xen', version: { major: 4, minor: 20 }, versionText: '4.20.2-pre', capabilities: 'control_d' },
  });
});

test('releases whose libraries are installed, each once, in order', () => {
  for (const name of ['a/libxenctrl.so.4.17', 'a/libxenctrl.so.4.17.0', 'a/libxenctrl.so', 'b/libxenctrl.so.4.9'])
    write(name, '');
  const folders = ['a', 'b', 'a', 'none'].map((name) => join(folder, name));
  expect(installedReleases(folders)).toEqual(['4.9', '4.17']);
});

test('a program is where a shell would find it', () => {
  write('one/tool', '');
  write('two/tool', '');
  chmodSync(join(folder, 'two', 'tool'), 0o755);
  const path = `${join(folder, 'one')}:${join(folder, 'two')}`;
  expect(inPath('tool', path)).toBe(join(folder, 'two', 'tool'));
  expect(inPath('other', path)).toBeUndefined();
});

test('why a device cannot be opened', () => {
  expect(openProblem('/dev/null')).toBeUndefined();
  expect(openProblem(join(folder, 'none'))).toBe('ENOENT');
});

test('xenstored: answers, is dead, or is not here', async () => {
  const path = join(folder, 'socket');
  await expect(xenstoreAnswers(path)).resolves.toBeUndefined();
  const server = createServer().listen(path);
  await new Promise((resolve) => server.once('listening', resolve));
  await expect(xenstoreAnswers(path)).resolves.toBe(true);
  await new Promise((resolve) => server.close(resolve));
  write('dead', '');
  await expect(xenstoreAnswers(join(folder, 'dead'))).resolves.toBe(false);
});
