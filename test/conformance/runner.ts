/**
 * Between the suite and whatever runs it. The runner is an argument: jest's `test`, node:test's, or a list.
 */
import { setTimeout } from 'node:timers/promises';
import type { Capabilities, Domain, DomainInfo, GuestType, PagingMode } from '../../src/backends/backend.js';
import type { Ability, Factory, Fixture, Guest, RunningDomain } from './fixture.js';
import { ABILITIES } from './fixture.js';

type Body = () => Promise<void>;

export interface TestFunction {
  (title: string, body: Body): unknown;
  /** Registers a test that is not run, so that a reader of the results sees it. */
  skip(title: string, body: Body): unknown;
}

export interface ConformanceOptions {
  readonly test: TestFunction;
  /** Groups tests by topic; without it, titles begin with the topic. */
  readonly describe?: (name: string, body: () => void) => unknown;
  /** Called once for each test. */
  readonly factory: Factory;
  /**
   * What the backend's capabilities say, known before one is made, so that what cannot be tested is skipped where one
   * sees it. A test holds it equal to the backend's own. Default: everything, in both paging modes.
   */
  readonly capabilities?: DeclaredCapabilities;
  /** Type of the fixture's guests, where the backend has several. Default: the first. */
  readonly guestType?: GuestType;
  /** Paging modes of the fixture's guests, where they have not all that the backend has. */
  readonly modes?: readonly PagingMode[];
  /** What the fixture cannot do, each with what to do about it. */
  readonly lacks?: Partial<Record<Ability, string>>;
}

export type DeclaredCapabilities = Pick<Capabilities, 'logDirty' | 'demandPaging' | 'receive' | 'pagingModes'>;

const EVERYTHING: DeclaredCapabilities = {
  logDirty: true,
  demandPaging: ['hvm'],
  receive: true,
  pagingModes: ['shadow', 'hap'],
};

/** A domain of a test. */
export interface Actor extends RunningDomain {
  /** Pages the guest owns: all of them, or the lowest and the highest 128. */
  readonly pages: Uint32Array;
}

const SAMPLE = 128;

function sample(pages: Uint32Array): Uint32Array {
  return pages.length <= 2 * SAMPLE ? pages : pages.filter((_, i) => i < SAMPLE || i >= pages.length - SAMPLE);
}

/** What a test's body is given. */
export interface Scene {
  readonly fixture: Fixture;
  readonly backend: Fixture['backend'];
  readonly mode: PagingMode;
  readonly guestType: GuestType;
  readonly declared: DeclaredCapabilities;
  readonly factory: Factory;
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** What the backend lists, but for domains of the host that are not this test's. */
  listed(fixture?: Fixture): Promise<DomainInfo[]>;
  /** A running domain of 1,024 pages and one vCPU, unless told otherwise. */
  start(request?: { pages?: number; vcpus?: number; name?: string }): Promise<Actor>;
  attach(domain: Domain, guest: Guest): Promise<Guest>;
}

export type Need = 'logDirty' | 'demandPaging' | 'receive' | Ability;

/** Registers one test, or a visible skip where something it needs is not there. */
export type Check = (title: string, needs: readonly Need[], body: (scene: Scene) => Promise<void>) => void;

export interface Topic {
  readonly name: string;
  register(check: Check): void;
}

/** Registers every topic once for each paging mode. */
export function register(topics: readonly Topic[], options: ConformanceOptions): void {
  const declared = options.capabilities ?? EVERYTHING;
  for (const mode of options.modes ?? declared.pagingModes) {
    for (const topic of topics) group(`${topic.name} (${mode})`, topic, { ...options, capabilities: declared }, mode);
  }
}

type Complete = ConformanceOptions & { readonly capabilities: DeclaredCapabilities };

function group(name: string, topic: Topic, options: Complete, mode: PagingMode): void {
  const { describe } = options;
  if (describe) describe(name, () => topic.register(checkFor('', options, mode)));
  else topic.register(checkFor(`${name}: `, options, mode));
}

function checkFor(prefix: string, options: Complete, mode: PagingMode): Check {
  return (title, needs, body) => {
    const why = needs.map((need) => missing(need, options)).find((reason) => reason !== undefined);
    const run = (): Promise<void> => perform(options, mode, body);
    if (why === undefined) options.test(prefix + title, run);
    else options.test.skip(`${prefix}${title} [skipped: ${why}]`, run);
  };
}

function missing(need: Need, { capabilities, guestType, lacks }: Complete): string | undefined {
  if (need === 'logDirty' || need === 'demandPaging' || need === 'receive') {
    const there = need === 'demandPaging' ? canMissPages(capabilities, guestType) : capabilities[need];
    return there ? undefined : `capability ${need} is not there; its refusal is tested instead`;
  }
  const remedy = lacks?.[need];
  return remedy === undefined ? undefined : `the fixture lacks ${ABILITIES[need]}: ${remedy}`;
}

/** Whether guests of a type can miss pages. A backend of one type need not name it. */
export function canMissPages({ demandPaging }: DeclaredCapabilities, guestType = demandPaging.at(0)): boolean {
  return guestType !== undefined && demandPaging.includes(guestType);
}

async function perform(options: Complete, mode: PagingMode, body: (scene: Scene) => Promise<void>): Promise<void> {
  const fixture = await options.factory();
  const scene = sceneOf(fixture, mode, options);
  const run = fixture.run?.bind(fixture) ?? (<T>(inner: () => Promise<T>): Promise<T> => inner());
  try {
    await run(() => body(scene));
  } finally {
    await fixture.close();
  }
}

async function listed({ backend, residents }: Fixture): Promise<DomainInfo[]> {
  const all = await backend.listDomains();
  const others = (await residents?.()) ?? [];
  return all.filter(({ domid }) => !others.includes(domid));
}

const timer = (ms: number, signal?: AbortSignal): Promise<void> => setTimeout(ms, undefined, { signal });

function sceneOf(fixture: Fixture, mode: PagingMode, options: Complete): Scene {
  let count = 0;
  return {
    fixture,
    backend: fixture.backend,
    mode,
    guestType: options.guestType ?? fixture.backend.capabilities.guestTypes[0],
    declared: options.capabilities,
    factory: options.factory,
    listed: (of = fixture) => listed(of),
    sleep: fixture.sleep?.bind(fixture) ?? timer,
    async start({ pages = 1024, vcpus = 1, name = `conformance-${++count}` } = {}) {
      const running = await fixture.createDomain({ name, pages, vcpus, pagingMode: mode });
      return { ...running, pages: sample(running.guest.pages) };
    },
    attach: (domain, guest) => fixture.attach(domain, guest),
  };
}
