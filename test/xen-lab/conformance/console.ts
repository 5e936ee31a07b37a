/** A guest's console as lines: the terminal that xenconsoled has made for it. */
import { constants, openSync, writeSync } from 'node:fs';
import { ReadStream } from 'node:tty';

export class Console {
  private readonly input: ReadStream;
  private rest = '';

  private constructor(
    private readonly fd: number,
    private readonly onLine: (line: string) => void,
  ) {
    this.input = new ReadStream(fd);
    this.input.setEncoding('utf8').on('data', (text) => this.hear(`${text}`));
    // xenconsoled closes its end when the domain is gone.
    this.input.on('error', () => this.close());
  }

  /** `path`: what xenstore names in /local/domain/N/console/tty. */
  static at(path: string, onLine: (line: string) => void): Console {
    return new Console(openSync(path, constants.O_RDWR | constants.O_NOCTTY), onLine);
  }

  /** Orders are shorter than what a terminal holds, so this does not wait for the guest. */
  send(line: string): void {
    if (!this.input.destroyed) writeSync(this.fd, `${line}\n`);
  }

  close(): void {
    this.input.destroy();
  }

  private hear(text: string): void {
    const lines = (this.rest + text).split('\n');
    this.rest = lines.pop() ?? '';
    for (const line of lines) this.onLine(line);
  }
}
