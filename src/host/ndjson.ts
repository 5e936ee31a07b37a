/** A response of one JSON document a line. */
import type { ServerResponse } from 'node:http';
import type { MigrationLine } from './api.js';

/** Lines that a slow reader may miss: the next one says more. */
const DISPENSABLE: ReadonlySet<string> = new Set(['progress', 'memory', 'fault', 'loaded']);
/** A reader that lets this much pile up has gone to sleep, and is cut off. */
const MAX_BACKLOG_BYTES = 1 << 20;

export class LineWriter {
  constructor(private readonly response: ServerResponse) {
    response.writeHead(200, { 'content-type': 'application/x-ndjson', 'cache-control': 'no-store' });
    // Whoever stops reading has stopped; the migration goes on.
    response.on('error', () => undefined);
  }

  write(line: MigrationLine): void {
    const { response } = this;
    if (response.destroyed || (response.writableNeedDrain && DISPENSABLE.has(line.type))) return;
    if (response.writableLength > MAX_BACKLOG_BYTES) response.destroy();
    else response.write(`${JSON.stringify(line)}\n`);
  }

  end(): void {
    this.response.end();
  }
}
