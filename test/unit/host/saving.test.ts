import { execFileSync } from 'node:child_process';
import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { HostError } from '../../../src/host/errors.js';
import { encodeSaveHeader, readSaveHeader } from '../../../src/host/save-file.js';
import { FdChannel, FileSink, openFileSource } from '../../../src/transport/index.js';
import { startHost } from '../../support/hosts.js';

const directory = mkdtempSync(join(tmpdir(), 'xenferry-save-'));
const path = join(directory, 'web.save');
const CONFIG = { name: 'web', memoryMB: 8, guest: { program: 'hot-set', hotMB: 1, rateMBps: 20 } } as const;

afterAll(() => rmSync(directory, { recursive: true }));

test('saved, gone, restored under another name, the same; and left running if asked', async () => {
  const { client } = await startHost('a');
  await client.create({ config: CONFIG });
  expect(await client.save('web', path, true)).toMatchObject({
    name: 'web',
    path,
    leftRunning: true,
    bytes: expect.any(Number),
  });
  expect(await client.info('web')).toMatchObject({ state: 'running' });
  await client.save('web', path, false);
  expect(await client.list()).toEqual([]);
  expect(await client.restore(path, { name: 'web2', paused: true })).toMatchObject({ name: 'web2', state: 'paused' });
  expect(await client.digest('web2', true)).toMatchObject({ verified: true });
  expect(await client.restore(path, {})).toMatchObject({ name: 'web', state: 'running' });
  expect(await client.digest('web', true)).toMatchObject({ verified: true });
  await expect(client.restore(path, {})).rejects.toMatchObject({ code: 'NAME_TAKEN' });
  expect(readdirSync(directory)).toEqual(['web.save']);
});

test('a file that is cut off, anywhere, restores nothing and leaves nothing', async () => {
  const { client, backend } = await startHost('a');
  await client.create({ config: CONFIG });
  await client.save('web', path, false);
  const free = backend.hypervisor.freePages;
  const whole = readFileSync(path);
  for (const length of [0, 3, 20, 400, whole.length >> 1, whole.length - 1]) {
    writeFileSync(path, whole);
    truncateSync(path, length);
    await expect(client.restore(path, {})).rejects.toMatchObject({ code: 'BAD_SAVE_FILE' });
    expect(await client.list()).toEqual([]);
    expect(backend.hypervisor.freePages).toBe(free);
  }
});

test('a place that cannot be written: the domain runs on', async () => {
  const { client } = await startHost('a');
  await client.create({ config: CONFIG });
  await expect(client.save('web', '/nonexistent/x', false)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await expect(client.save('web', 'relative', false)).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  await expect(client.restore('/nonexistent/x', {})).rejects.toMatchObject({ code: 'BAD_REQUEST' });
  expect(await client.info('web')).toMatchObject({ state: 'running' });
});

test('a header with any bytes in it is read or refused, never more', async () => {
  const header = encodeSaveHeader({ ...CONFIG, vcpus: 1, seed: 1 });
  const mutation = fc.tuple(fc.nat({ max: header.length - 1 }), fc.nat({ max: 255 }));
  await fc.assert(
    fc.asyncProperty(fc.array(mutation, { maxLength: 4 }), async (mutations) => {
      const bytes = Buffer.from(header);
      for (const [at, value] of mutations) bytes[at] = value;
      writeFileSync(path, bytes);
      const source = await openFileSource(path);
      try {
        const config = await readSaveHeader(source);
        expect(config.memoryMB).toBeGreaterThan(0);
      } catch (error) {
        expect(error).toBeInstanceOf(HostError);
        expect(error).toMatchObject({ code: 'BAD_SAVE_FILE' });
      } finally {
        source.destroy();
      }
    }),
    { numRuns: 200 },
  );
});

test('a FIFO or a directory is refused, and the host goes on answering', async () => {
  const { client } = await startHost('a');
  const fifo = join(directory, 'pipe');
  execFileSync('mkfifo', [fifo]);
  await client.create({ config: CONFIG });
  for (const [place, kind] of [
    [fifo, 'a FIFO'],
    [directory, 'a directory'],
  ]) {
    const refused = { code: 'BAD_REQUEST', message: `cannot open ${place}: it is ${kind}, not a regular file` };
    await expect(client.restore(place, {})).rejects.toMatchObject(refused);
    await expect(client.save('web', place, false)).rejects.toMatchObject(refused);
  }
  expect(await client.info('web')).toMatchObject({ state: 'running' });
  rmSync(fifo);
});

test('each page is in the file once, however much the guest writes', async () => {
  const { client } = await startHost('a');
  const guest = { program: 'hot-set', hotMB: 6 } as const; // as fast as it can
  await client.create({ config: { ...CONFIG, guest } });
  // A vCPU's thread may take a while to start.
  const { digest } = await client.digest('web', false);
  while ((await client.digest('web', false)).digest === digest) await sleep(20);
  await sleep(100);
  const { bytes } = await client.save('web', path, false);
  expect(bytes).toBe(statSync(path).size);
  expect(bytes / (8 * 2 ** 20)).toBeLessThan(1.02);
  expect(await client.restore(path, {})).toMatchObject({ state: 'running' });
  expect(await client.digest('web', true)).toMatchObject({ verified: true });
});

test('no room for it is no fault of the file', async () => {
  const { client } = await startHost('a');
  await client.create({ config: CONFIG });
  await client.save('web', path, false);
  const small = await startHost('b', {}, 4);
  await expect(small.client.restore(path, {})).rejects.toMatchObject({
    code: 'REFUSED',
    details: { detail: 'NO_MEMORY', domain: 'web', remedy: expect.stringContaining('more memory') },
  });
  expect(await small.client.list()).toEqual([]);
});

test('bytes behind the end: refused, and nothing of it has run', async () => {
  const { client, backend } = await startHost('a');
  await client.create({ config: CONFIG });
  await client.save('web', path, false);
  appendFileSync(path, 'x');
  await expect(client.restore(path, {})).rejects.toMatchObject({
    code: 'BAD_SAVE_FILE',
    message: expect.stringContaining('more bytes behind its end'),
  });
  expect(backend.hypervisor.freePages).toBe(48 * 256);
});

test.each([
  [Buffer.alloc(64, 0xff), 'bare migration stream', 'receiveDomain'],
  [Buffer.from('Xen saved domain, xl format\n \0 \r'), 'xl save', 'xl restore'],
])('a file of another kind is called by its name', async (bytes, name, remedy) => {
  const { client } = await startHost('a');
  writeFileSync(path, bytes);
  await expect(client.restore(path, {})).rejects.toMatchObject({
    code: 'BAD_SAVE_FILE',
    message: expect.stringContaining(name),
    details: { remedy: expect.stringContaining(remedy) },
  });
});

test('a full disk: said as such, nothing is left there, and the domain runs on', async () => {
  const { client, backend } = await startHost('a');
  await client.create({ config: CONFIG });
  const channel = new FdChannel(openSync('/dev/full', 'w'));
  const full = jest.spyOn(FileSink, 'create').mockResolvedValue({
    ...{ channel, commit: () => Promise.reject(new Error('never')), abort: async () => channel.destroy() },
  } as unknown as FileSink);
  await expect(client.save('web', path, false)).rejects.toMatchObject({
    code: 'REFUSED',
    message: expect.stringMatching(/ENOSPC.*; the domain runs on/),
  });
  full.mockRestore();
  expect(await client.info('web')).toMatchObject({ state: 'running' });
  expect(backend.hypervisor.freePages).toBe(40 * 256);
});

test.each([
  ['of a later version', 8, 2, 'version 2 is not known'],
  ['whose configuration would be 4 GiB', 12, 0xffff_fff0, 'too long'],
])('a file %s is refused before anything is made for it', async (_, at, value, why) => {
  const header = encodeSaveHeader({ ...CONFIG, vcpus: 1, seed: 1 });
  header.writeUInt32LE(value, at);
  writeFileSync(path, header);
  const source = await openFileSource(path);
  await expect(readSaveHeader(source)).rejects.toMatchObject({
    code: 'BAD_SAVE_FILE',
    message: expect.stringContaining(why),
  });
  source.destroy();
});

/** Descriptors of this process that are files in the test's own directory; Linux shows them. */
function openHere(): number {
  const names = existsSync('/proc/self/fd') ? readdirSync('/proc/self/fd') : [];
  return names.filter((name) => {
    try {
      return readlinkSync(`/proc/self/fd/${name}`).startsWith(directory);
    } catch {
      return false;
    }
  }).length;
}

test('a save that fails half-way leaves no file, no descriptor and the domain running', async () => {
  const { client, backend } = await startHost('a');
  const { domid } = await client.create({ config: CONFIG });
  rmSync(path, { force: true });
  const { state } = await backend.hypervisor.domain(domid);
  jest.spyOn(state, 'save').mockRejectedValueOnce(new Error('the CPUs do not say'));
  await expect(client.save('web', path, false)).rejects.toMatchObject({ message: expect.stringContaining('the CPUs') });
  expect(readdirSync(directory)).toEqual([]);
  expect(await client.info('web')).toMatchObject({ state: 'running' });
  await client.save('web', path, false);
  await client.restore(path, {});
  while (openHere() > 0) await sleep(10);
});
