/**
 * An idle domain of incompressible memory, moved to and fro by precopy as fast as it goes, each time after as many bytes
 * over a bare socket: load on the machine then meets both alike.
 */
import { HostProcess } from '../src/cli/demo/host-process.js';
import { move } from '../src/cli/demo/move.js';
import type { MigrationReport } from '../src/migrate/report.js';
import { peakMemory } from './memory.js';
import { RawLink } from './raw.js';

const MIB = 2 ** 20;
const DOMAIN = 'idle';

export interface IdleFigures {
  /** Bytes a second, one figure a run. */
  readonly raw: readonly number[];
  readonly migration: readonly number[];
  /** migration / raw, of neighbours. */
  readonly ratios: readonly number[];
  readonly reports: readonly MigrationReport[];
  /** Peak of each process after its first migration less the RAM that it holds for domains, bytes. */
  readonly sourceExtra?: number;
  readonly destinationExtra?: number;
  /** The larger of the two at the end, when each has been both. */
  readonly lastingExtra?: number;
}

export async function measureIdle(memoryMB: number, runs: number): Promise<IdleFigures> {
  const memoryBytes = memoryMB * MIB;
  await using link = await RawLink.open();
  await using left = await HostProcess.start({ name: 'left', memoryBytes });
  await using right = await HostProcess.start({ name: 'right', memoryBytes });
  const extra = ({ pid }: HostProcess): number | undefined => {
    const peak = peakMemory(pid);
    return peak === undefined ? undefined : peak - memoryBytes;
  };
  const config = { name: DOMAIN, memoryMB, guest: { program: 'idle' }, content: { kind: 'random' } } as const;
  await left.client.create({ config });

  const raw: number[] = [];
  const reports: MigrationReport[] = [];
  let first: Pick<IdleFigures, 'sourceExtra' | 'destinationExtra'> = {};
  for (let run = 0; run < runs; run++) {
    raw.push(await link.measure(memoryBytes));
    const [from, to] = run % 2 === 0 ? [left, right] : [right, left];
    reports.push(await move({ domain: DOMAIN, from, to, request: { strategy: 'precopy' } }));
    if (run === 0) first = { sourceExtra: extra(from), destinationExtra: extra(to) };
  }
  const migration = reports.map(({ bytesSent, totalMs }) => (bytesSent / totalMs) * 1000);
  const ratios = migration.map((rate, run) => rate / raw[run]);
  const lasting = [extra(left), extra(right)].filter((bytes) => bytes !== undefined);
  const lastingExtra = lasting.length > 0 ? Math.max(...lasting) : undefined;
  return { raw, migration, ratios, reports, ...first, lastingExtra };
}
