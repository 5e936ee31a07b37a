/**
 * Where everything that the command says goes. With --json: documents on stdout, nothing else anywhere. Else results on
 * stdout, notes and progress on stderr.
 */
export interface Sink {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: Terminal;
}

export type Terminal = NodeJS.WritableStream & { isTTY?: boolean; columns?: number };

export class Output {
  constructor(
    readonly json: boolean,
    private readonly sink: Sink = process,
  ) {}

  /** The result: `document` for programs, `human` for people. */
  result(document: unknown, human: () => string): void {
    this.sink.stdout.write(`${this.json ? JSON.stringify(document) : human()}\n`);
  }

  /** One of many documents. */
  line(document: unknown): void {
    if (this.json) this.sink.stdout.write(`${JSON.stringify(document)}\n`);
  }

  /** For people who watch. */
  note(text: string): void {
    if (!this.json) this.sink.stderr.write(`${text}\n`);
  }

  /** A terminal on which a bar may be drawn. */
  get terminal(): Terminal | undefined {
    return !this.json && this.sink.stderr.isTTY ? this.sink.stderr : undefined;
  }
}
