/** The client against hosts that misbehave, and the host's lines against a reader that does. */
import { createServer, type RequestListener, request } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Call, readText, send } from '../../../src/host/http.js';
import { LineWriter } from '../../../src/host/ndjson.js';
import { afterThisTest } from '../../support/sockets.js';

async function serve(listener: RequestListener): Promise<URL> {
  const server = createServer(listener);
  afterThisTest(() => {
    server.closeAllConnections();
    server.close();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

const get = (url: URL, more: Partial<Call> = {}) =>
  send({ url, token: 'any' }, { method: 'GET', path: '/v1/status', ...more });

test('a host that does not answer is not there', async () => {
  const url = await serve(() => undefined);
  await expect(get(url, { answerMs: 50 })).rejects.toMatchObject({
    code: 'DESTINATION_UNREACHABLE',
    message: expect.stringContaining('no answer within 50 ms'),
  });
});

test('a request is given up when its caller does', async () => {
  const abort = new AbortController();
  const url = await serve(() => abort.abort(new Error('never mind')));
  await expect(get(url, { signal: abort.signal })).rejects.toThrow('never mind');
});

test('an answer without an end is not read to it', async () => {
  const url = await serve((_, response) => {
    const more = (): void => {
      while (!response.destroyed && response.write(Buffer.alloc(65_536)));
    };
    response.on('drain', more).on('error', () => undefined);
    more();
  });
  await expect(readText(await get(url))).rejects.toMatchObject({ message: 'the answer of the host is too long' });
});

/** A connection to a host that writes lines, and reads none of them. */
async function sleepyReader(): Promise<{ lines: LineWriter; backlog: () => number; isCut: () => boolean }> {
  return new Promise((resolve) => {
    void serve((_, response) => {
      const lines = new LineWriter(response);
      resolve({ lines, backlog: () => response.writableLength, isCut: () => response.destroyed });
    }).then((url) => {
      const reading = request(url, (response) => response.pause()).on('error', () => undefined);
      afterThisTest(() => reading.destroy());
      reading.end();
    });
  });
}

const state = { type: 'state', at: 0, from: 'setup', to: 'stage1' } as const;
const memory = { type: 'memory', cells: '.'.repeat(10_000) } as const;

test('a reader that sleeps misses what the next line says again, and nothing piles up', async () => {
  const { lines, backlog, isCut } = await sleepyReader();
  for (let i = 0; i < 5000; i++) {
    lines.write(memory);
    if (i % 100 === 0) await sleep(1);
  }
  expect(backlog()).toBeLessThan(200_000);
  expect(isCut()).toBe(false);
});

test('a reader that lets pile up what it must not miss is cut off', async () => {
  const { lines, backlog, isCut } = await sleepyReader();
  for (let i = 0; i < 500_000 && !isCut(); i++) {
    lines.write(state);
    if (i % 5000 === 0) await sleep(1);
    expect(backlog()).toBeLessThan(1.1 * 2 ** 20);
  }
  expect(isCut()).toBe(true);
});
