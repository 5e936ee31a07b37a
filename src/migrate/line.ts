/** One end of a two-way connection between source and destination: records out, records in. */
import type { Channel, Purpose } from './io/channel.js';
import {
  ACCEPTED,
  type Direction,
  decodeHello,
  RecordReader,
  RecordType,
  RecordWriter,
  StreamError,
} from './stream/index.js';

export class Line {
  readonly writer: RecordWriter;
  readonly reader: RecordReader;

  /** @param side which end this is: it bounds what may be read @param maxGfns of the domain */
  constructor(
    readonly channel: Channel,
    purpose: Purpose,
    side: Direction,
    maxGfns?: number,
  ) {
    this.writer = new RecordWriter(channel);
    this.reader = new RecordReader(channel, { accepts: ACCEPTED[purpose][side], maxGfns });
  }

  destroy(): void {
    this.channel.destroy();
  }
}

/** The first record of every line: it must be of this migration and for this purpose. */
export async function readHello({ reader }: Line, purpose: Purpose, migrationId: Uint8Array): Promise<void> {
  const { offset } = await reader.expect(RecordType.HELLO);
  const hello = decodeHello(await reader.readBody(), offset);
  if (hello.purpose === purpose && Buffer.compare(hello.migrationId, migrationId) === 0) return;
  throw new StreamError('BAD_FIELD', `A ${purpose} line says HELLO for another purpose or migration`, offset);
}
