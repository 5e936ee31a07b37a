/** Follows a file that other processes append to, line by line, as soon as a line is there. */
import { closeSync, type FSWatcher, openSync, readSync, watch } from 'node:fs';
import { StringDecoder } from 'node:string_decoder';

/** Should the file system not tell of changes. */
const POLL_MS = 200;
const CHUNK = 64 * 1024;
/** A line longer than this is no line. */
const LONGEST_LINE = 1 << 20;

export class LineFollower implements Disposable {
  private readonly fd: number;
  private readonly watcher: FSWatcher;
  private readonly timer: NodeJS.Timeout;
  private readonly decoder = new StringDecoder('utf8');
  private readonly chunk = Buffer.alloc(CHUNK);
  private rest = '';
  private closed = false;

  /** The file must be there. */
  constructor(
    path: string,
    private readonly onLine: (line: string) => void,
  ) {
    this.fd = openSync(path, 'r');
    this.watcher = watch(path, () => this.read());
    this.watcher.on('error', () => this.watcher.close());
    this.timer = setInterval(() => this.read(), POLL_MS);
  }

  /** All that is there now. A last line without an end is kept for later. */
  read(): void {
    while (!this.closed) {
      const got = readSync(this.fd, this.chunk, 0, CHUNK, null);
      if (got === 0) return;
      const lines = (this.rest + this.decoder.write(this.chunk.subarray(0, got))).split('\n');
      const rest = lines.pop() ?? '';
      this.rest = rest.length > LONGEST_LINE ? '' : rest;
      for (const line of lines) this.onLine(line);
    }
  }

  [Symbol.dispose](): void {
    if (this.closed) return;
    this.closed = true;
    clearInterval(this.timer);
    this.watcher.close();
    closeSync(this.fd);
  }
}
