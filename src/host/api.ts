/**
 * The host's HTTP API: what goes over the wire, in both directions. Every request body is checked against its schema; the
 * client (client.ts) is typed by the same. JSON throughout; a migration's events come as one JSON document a line.
 */
import { z } from 'zod';
import type { MigrationEvent, MigrationReport, MigrationState, Progress } from '../migrate/report.js';
import { LEAST_BANDWIDTH } from '../migrate/send/bandwidth.js';
import { DomainConfig, DomainName } from './domain-config.js';
import type { ErrorBody } from './errors.js';

/** Larger bodies are refused unread. */
export const MAX_BODY_BYTES = 64 * 1024;

const rate = z
  .number()
  .min(LEAST_BANDWIDTH, `${LEAST_BANDWIDTH} bytes a second (525kbit) is the least that a migration can go on with`)
  .max(2 ** 40);
const hex = (bytes: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));

export const CreateRequest = z.strictObject({ config: DomainConfig, paused: z.boolean().default(false) });
export type CreateRequest = z.input<typeof CreateRequest>;

export const MigrateRequest = z.strictObject({
  /** Base URL of the destination's API. */
  destination: z.string().max(300),
  /** The destination's bearer token. */
  destinationToken: z.string().max(300),
  strategy: z.enum(['precopy', 'tsmc', 'auto']).default('auto'),
  policy: z.enum(['xen', 'xen-4.1']).optional(),
  downtimeBudgetMs: z.number().positive().max(600_000).optional(),
  /** Bytes a second. */
  bandwidth: rate.optional(),
  postcopyBandwidth: rate.optional(),
  elideZeroPages: z.boolean().optional(),
  /** Leave the domain paused over there. */
  paused: z.boolean().default(false),
  /** Send an event for each fault and each page that it waited for, too. */
  faults: z.boolean().default(false),
  /** Send a picture of the memory along with the progress. */
  picture: z.boolean().default(false),
});
export type MigrateRequest = z.input<typeof MigrateRequest>;

/** How to connect to a listener of one migration. */
export const DataEndpoint = z.strictObject({
  /** Left out: the address at which its API was reached, or from which the request came. */
  host: z.string().max(255).optional(),
  port: z.int().min(1).max(65535),
  id: hex(16),
  token: hex(32),
  secure: z.boolean(),
});
export type DataEndpoint = z.infer<typeof DataEndpoint>;

/** Host to host: "a domain is about to come". */
export const IncomingRequest = z.strictObject({
  /** The source's id of the migration: both hosts call it by the same. */
  migration: z.uuid(),
  config: DomainConfig,
  returns: DataEndpoint,
  paused: z.boolean().default(false),
});
export type IncomingRequest = z.input<typeof IncomingRequest>;

export interface IncomingReply {
  readonly stream: DataEndpoint;
}

const path = z.string().min(1).max(4096).startsWith('/', 'give an absolute path: it is opened by the host');
export const SaveRequest = z.strictObject({ path, leaveRunning: z.boolean().default(false) });
export const RestoreRequest = z.strictObject({ path, name: DomainName.optional(), paused: z.boolean().default(false) });
export const DigestRequest = z.strictObject({
  /** Also run a control that never moved to the same steps, and compare. */
  control: z.boolean().default(false),
});

/** `broken`: it runs, stage 3 has failed, and pages of it will not come. */
export type DomainState =
  | 'running'
  | 'paused'
  | 'suspended'
  | 'migrating'
  | 'arriving'
  | 'creating'
  | 'restoring'
  | 'stage3'
  | 'broken'
  | 'departed';

export interface DomainView {
  readonly domid: number;
  readonly name: string;
  readonly state: DomainState;
  readonly guestType: 'pv' | 'hvm';
  readonly pagingMode: 'shadow' | 'hap';
  readonly vcpus: number;
  readonly maxPages: number;
  readonly populatedPages: number;
  /** Pages that have not arrived yet. */
  readonly pagedPages: number;
  /** The migration it is part of, while it is. */
  readonly migration?: string;
  readonly config?: DomainConfig;
}

export interface DigestView {
  readonly domid: number;
  readonly name: string;
  readonly digest: string;
  readonly control?: string;
  /** The two are equal. */
  readonly verified?: boolean;
}

export interface SavedView {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
  readonly ms: number;
  readonly leftRunning: boolean;
}

export interface MigrationView {
  readonly id: string;
  readonly direction: 'out' | 'in';
  readonly domain: string;
  /** The other host, as far as known. */
  readonly peer: string;
  readonly state: MigrationState;
  /** ISO 8601. */
  readonly startedAt: string;
  readonly progress?: Progress;
  readonly report?: MigrationReport;
  readonly error?: ErrorBody;
}

export interface HostView {
  readonly name: string;
  readonly version: string;
  readonly pid: number;
  readonly backend: string;
  readonly demandPaging: boolean;
  readonly secure: boolean;
  readonly domains: number;
  /** For domains, in all and what none of them has. Bytes. */
  readonly memoryBytes: number;
  readonly freeBytes: number;
  readonly migrations: readonly MigrationView[];
}

/**
 * The domain's memory from its lowest gfn to its highest, a character for each of 64 equal parts: what is true of most of its
 * pages. `.` not sent yet, `s` sent, `d` written since, `m` missing at the destination, `a` arrived in stage 3.
 */
export interface MemoryLine {
  readonly type: 'memory';
  readonly cells: string;
}

/** One line of a running migration: the engine's events, before them `started`, and one of `report` and `error` as the last. */
export type MigrationLine =
  | { readonly type: 'started'; readonly id: string; readonly domain: string; readonly destination: string }
  | Exclude<MigrationEvent, { type: 'pages' | 'lacking' }>
  | MemoryLine
  | { readonly type: 'report'; readonly report: MigrationReport }
  | { readonly type: 'error'; readonly error: ErrorBody };
