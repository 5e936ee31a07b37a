import { execFileSync, spawnSync } from 'node:child_process';
import { closeSync, constants, mkdtempSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadAddon } from '../../../src/native/index.js';

const addon = loadAddon();
const folder = mkdtempSync(join(tmpdir(), 'xenferry-fifo-'));
const fifo = join(folder, 'fifo');
let fd: number;

beforeAll(() => {
  execFileSync('mkfifo', [fifo]);
  fd = openSync(fifo, constants.O_RDWR | constants.O_NONBLOCK);
});

afterAll(() => {
  closeSync(fd);
  rmSync(folder, { recursive: true });
});

(addon ? describe : describe.skip)('a watched descriptor', () => {
  const ops = addon as NonNullable<typeof addon>;

  it('is told of as long as there is something to read, and not when the watch has ended', async () => {
    const got: string[] = [];
    const buffer = Buffer.alloc(1);
    const stop = ops.fdWatch(fd, (errno) => {
      expect(errno).toBe(0);
      readSync(fd, buffer);
      got.push(buffer.toString());
    });
    writeSync(fd, 'ab');
    await sleep(50);
    expect(got).toEqual(['a', 'b']);
    stop();
    stop();
    writeSync(fd, 'c');
    await sleep(50);
    expect(got).toEqual(['a', 'b']);
    readSync(fd, buffer);
  });

  it('may end its own watch', async () => {
    let calls = 0;
    const stop = ops.fdWatch(fd, () => {
      calls++;
      stop();
    });
    writeSync(fd, 'd');
    await sleep(50);
    expect(calls).toBe(1);
    readSync(fd, Buffer.alloc(1));
  });

  it('must be one that can be watched', () => {
    expect(() => ops.fdWatch(1_000_000, () => undefined)).toThrow(/bad file descriptor/);
    expect(() => ops.fdWatch(-1, () => undefined)).toThrow(/integer/);
    expect(() => ops.fdWatch(fd, undefined as never)).toThrow(/function/);
  });

  it('ends the process where its callback throws', () => {
    const script = `
      const addon = require(${JSON.stringify(join(process.cwd(), 'native/build/Release/xenferry.node'))});
      const fd = require('node:fs').openSync(${JSON.stringify(fifo)}, ${constants.O_RDWR | constants.O_NONBLOCK});
      addon.fdWatch(fd, () => { throw new Error('deaf'); });
      require('node:fs').writeSync(fd, 'x');`;
    const { status, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', timeout: 20_000 });
    expect(status).not.toBe(0);
    expect(stderr).toContain('deaf');
    readSync(fd, Buffer.alloc(1));
  });
});
