import { mkdtempSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { HostError } from '../../../src/host/errors.js';
import { encodeSaveHeader, readSaveHeader } from '../../../src/host/save-file.js';
import { FileSink, openFileSource } from '../../../src/transport/index.js';
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
      const source = openFileSource(path);
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

test('a sink writes nowhere else', () => {
  expect(() => FileSink.create('/nonexistent/x')).toThrow('ENOENT');
});
