/** One end of a two-way connection between source and destination: records out, records in. */
import type { Channel, Purpose } from './io/channel.js';
import { ACCEPTED, type Direction, RecordReader, RecordWriter } from './stream/index.js';

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
