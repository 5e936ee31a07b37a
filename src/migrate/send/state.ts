/** The domain's CPU and platform state on its way to the stream. */
import type { StateRecord } from '../../backends/backend.js';
import { RecordType, STATIC_DATA } from '../stream/index.js';
import type { SendContext } from './context.js';

/** What precedes pages, with STATIC_DATA_END where the stream has it: a PV domain's P2M frames follow it. */
export async function sendStatic(context: SendContext): Promise<void> {
  const records = await context.domain.state.saveStatic();
  const isStatic = ({ type }: StateRecord): boolean => STATIC_DATA.has(type);
  const end: StateRecord = { type: RecordType.STATIC_DATA_END, body: new Uint8Array(0) };
  await sendRecords(context, [...records.filter(isStatic), end, ...records.filter((record) => !isStatic(record))]);
}

/** Everything else. The domain is suspended. */
export async function sendState(context: SendContext): Promise<void> {
  await sendRecords(context, await context.domain.state.save());
}

/** One wait for them all: the guest may be stopped. */
async function sendRecords(
  { writer, recorder, patience }: SendContext,
  records: readonly StateRecord[],
): Promise<void> {
  await patience.for(Promise.all(records.map(({ type, body }) => writer.record(type, body))));
  for (const { body } of records) recorder.bytesSent += 8 + body.length;
}
