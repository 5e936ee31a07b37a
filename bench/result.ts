/** The figures for programs, and beside their goals for people. */
import { availableParallelism, cpus, totalmem } from 'node:os';
import Table from 'cli-table3';
import type { MigrationReport } from '../src/migrate/report.js';
import { pageOps } from '../src/native/index.js';
import type { GuestFigures } from './guest.js';
import type { IdleFigures } from './idle.js';
import { type Sample, sampleOf } from './statistics.js';

export interface Figures {
  readonly idle: IdleFigures;
  readonly hot: readonly MigrationReport[];
  readonly guest: GuestFigures;
}

const GIGA = 1e9;
const MEGA = 1e6;

export function resultOf({ idle, hot, guest }: Figures) {
  const raw = sampleOf(idle.raw.map((rate) => rate / GIGA));
  const migration = sampleOf(idle.migration.map((rate) => rate / GIGA));
  const ratios = sampleOf(idle.ratios);
  const precopyIdle = sampleOf(idle.reports.map(({ downtimeMs }) => downtimeMs));
  const tsmcHot = sampleOf(hot.map(({ downtimeMs }) => downtimeMs));
  const clean = sampleOf(guest.cleanMs);
  const inMB = (bytes?: number): number | undefined => (bytes === undefined ? undefined : bytes / MEGA);
  const slowdown = (rate: number): number => 1 - rate / guest.alone;
  return {
    throughput: { rawGBps: raw.median, migrationGBps: migration.median, ratio: migration.median / raw.median },
    downtime: { precopyIdleMs: precopyIdle.median, tsmcHotMs: tsmcHot.median },
    clean: { msPerGiB: clean.median },
    memory: { sourceExtraMB: inMB(idle.sourceExtra), destinationExtraMB: inMB(idle.destinationExtra) },
    slowdown: { stage1: slowdown(guest.capped), stage1Uncapped: slowdown(guest.uncapped) },
    samples: { raw, migration, ratios, precopyIdle, tsmcHot, clean },
    details: {
      lastingExtraMB: inMB(idle.lastingExtra),
      dirtyPagesPerClean: guest.dirtyPages,
      stepsPerSecond: { alone: guest.alone, stage1: guest.capped, stage1Uncapped: guest.uncapped },
      precopyIdleParts: partsOf(idle.reports),
      tsmcHotParts: partsOf(hot),
    },
    machine: machine(),
  };
}

export type Result = ReturnType<typeof resultOf>;

/** Medians of the parts of the downtime. */
function partsOf(reports: readonly MigrationReport[]): Record<string, number> {
  const names = [...new Set(reports.flatMap(({ downtimeParts }) => Object.keys(downtimeParts)))];
  const median = (name: string): number =>
    sampleOf(reports.map(({ downtimeParts }) => downtimeParts[name] ?? 0)).median;
  return Object.fromEntries(names.map((name) => [name, median(name)]));
}

function machine() {
  const [{ model }] = cpus();
  const basics = { cpu: model, cores: availableParallelism(), memoryGB: totalmem() / GIGA };
  return { ...basics, node: process.version, pageOps: pageOps.kind };
}

type Row = [what: string, value: string, spread: string, goal: string, verdict: string];

export function table(result: Result): string {
  const { throughput, downtime, clean, memory, slowdown, samples, machine: on } = result;
  const rows: Row[] = [
    ['bare loopback socket', gbps(throughput.rawGBps), spread(samples.raw, gbps), '', ''],
    ['migration, idle domain', gbps(throughput.migrationGBps), spread(samples.migration, gbps), '', ''],
    ['their ratio', two(throughput.ratio), spread(samples.ratios, two), ...goal(throughput.ratio, '≥', 0.8)],
    [
      'downtime, precopy, idle',
      ms(downtime.precopyIdleMs),
      spread(samples.precopyIdle, ms),
      ...goal(downtime.precopyIdleMs, '≤', 10, 'ms'),
    ],
    [
      'downtime, TSMC, hot',
      ms(downtime.tsmcHotMs),
      spread(samples.tsmcHot, ms),
      ...goal(downtime.tsmcHotMs, '≤', 10, 'ms'),
    ],
    ['CLEAN and scan, a GiB', ms(clean.msPerGiB), spread(samples.clean, ms), ...goal(clean.msPerGiB, '≤', 1, 'ms')],
    ["source, beyond guests' memory", mb(memory.sourceExtraMB), '', ...goal(memory.sourceExtraMB, '≤', 200, 'MB')],
    [
      "destination, beyond guests' memory",
      mb(memory.destinationExtraMB),
      '',
      ...goal(memory.destinationExtraMB, '≤', 200, 'MB'),
    ],
    ["guest's slowdown, stage 1", percent(slowdown.stage1), '', 'reported', ''],
    ['… on a link without a limit', percent(slowdown.stage1Uncapped), '', 'reported', ''],
  ];
  const head = ['', 'median', 'min – max (runs)', 'goal', ''];
  const grid = new Table({ head, style: { head: [], border: [] } });
  grid.push(...rows);
  const { cpu, cores, memoryGB, node, pageOps: kind } = on;
  return `${grid.toString()}\n${cpu}, ${cores} cores, ${memoryGB.toFixed(0)} GB; node ${node}, ${kind} page operations`;
}

function goal(value: number | undefined, sign: '≤' | '≥', limit: number, unit = ''): [string, string] {
  const text = `${sign} ${limit} ${unit}`.trimEnd();
  if (value === undefined) return [text, 'unknown'];
  return [text, (sign === '≤' ? value <= limit : value >= limit) ? 'ok' : 'MISSED'];
}

function spread({ min, max, runs }: Sample, format: (value: number) => string): string {
  return `${format(min)} – ${format(max)} (${runs})`;
}

const two = (value: number): string => value.toFixed(2);
const gbps = (value: number): string => `${two(value)} GB/s`;
const ms = (value: number): string => `${two(value)} ms`;
const mb = (value?: number): string => (value === undefined ? 'unknown' : `${value.toFixed(0)} MB`);
const percent = (value: number): string => `${(100 * value).toFixed(0)} %`;
