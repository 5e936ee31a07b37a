/** The lab is built of parts, which stand on one another. Those that do not are built side by side. */
import { digestOf, type Stamps } from './stamp.js';

export interface Part {
  readonly name: string;
  /** Parts that it stands on: where one of them changes, this one is built again. */
  readonly after: readonly string[];
  /** What its result depends on beside those: texts, or digests of files. */
  readonly inputs: readonly string[];
  build(): Promise<void>;
}

export interface BuildEvents {
  cached(part: string): void;
  begun(part: string): void;
  built(part: string, seconds: number): void;
}

/** `part`'s digest covers those below it. */
export function digests(parts: readonly Part[]): Map<string, string> {
  const known = new Map<string, string>();
  for (const { name, after, inputs } of inOrder(parts)) {
    known.set(name, digestOf([name, ...inputs, ...after.map((below) => known.get(below) ?? '')]));
  }
  return known;
}

/** Builds what its stamp does not vouch for. Fails with the first failure, when nothing is under way any more. */
export async function buildParts(parts: readonly Part[], stamps: Stamps, events: BuildEvents): Promise<void> {
  const wanted = digests(parts);
  const done = new Map<string, Promise<void>>();
  for (const part of inOrder(parts)) {
    const below = part.after.map((name) => done.get(name));
    done.set(
      part.name,
      Promise.all(below).then(() => buildPart(part, wanted.get(part.name) ?? '', stamps, events)),
    );
  }
  const outcomes = await Promise.allSettled(done.values());
  const failure = outcomes.find(({ status }) => status === 'rejected');
  if (failure?.status === 'rejected') throw failure.reason;
}

async function buildPart(part: Part, digest: string, stamps: Stamps, events: BuildEvents): Promise<void> {
  if (stamps.holds(part.name, digest)) return events.cached(part.name);
  stamps.drop(part.name);
  events.begun(part.name);
  const begun = performance.now();
  await part.build();
  stamps.put(part.name, digest);
  events.built(part.name, (performance.now() - begun) / 1000);
}

/** Each part behind those that it stands on. */
function inOrder(parts: readonly Part[]): Part[] {
  const ordered: Part[] = [];
  const left = new Set(parts);
  while (left.size > 0) {
    const ready = [...left].filter(({ after }) => after.every((name) => ordered.some((part) => part.name === name)));
    if (ready.length === 0)
      throw new Error(`parts that wait for one another, or for one that is not there: ${[...left].map(nameOf)}`);
    for (const part of ready) {
      ordered.push(part);
      left.delete(part);
    }
  }
  return ordered;
}

function nameOf({ name }: Part): string {
  return name;
}
