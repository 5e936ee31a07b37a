/** A guest's console as lines: the terminal that xenconsoled has made for it. */
import { closeSync, constants, openSync, writeSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { ReadStream } from 'node:tty';

export class Console {
  private readonly input: ReadStream;
  private open = true;

  private constructor(private readonly fd: number) {
    this.input = new ReadStream(fd);
    // xenconsoled closes its end when the domain is gone.
    this.input.on('error', () => this.close());
  }

  /** `path`: what xenstore names in /local/domain/N/console/tty. */
  static at(path: string, onLine: (line: string) => void): Console {
    const console = new Console(openSync(path, constants.O_RDWR | constants.O_NOCTTY));
    createInterface({ input: console.input }).on('line', onLine);
    return console;
  }

  /** Orders are shorter than what a terminal holds, so this does not wait for the guest. */
  send(line: string): void {
    if (this.open) writeSync(this.fd, `${line}\n`);
  }

  close(): void {
    if (!this.open) return;
    this.open = false;
    this.input.destroy();
    try {
      closeSync(this.fd);
    } catch {
      // The stream owned the descriptor and has closed it.
    }
  }
}
