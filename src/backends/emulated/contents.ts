/**
 * What a guest's memory holds before its program runs: bytes of real files, or incompressible ones, with declared shares of
 * zero pages, duplicate pages and holes. A function of the seed and, for files, of their bytes.
 */
import { createCipheriv, createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import { PAGE_SIZE } from '../backend.js';
import { mix } from './guests/page.js';
import { type Machine, P2m } from './machine.js';

export interface ContentSpec {
  /** `files` (default): the node binary's bytes, over and over at a shifting offset. `random`: incompressible. */
  readonly kind?: 'files' | 'random';
  /** Shares of the populated data pages. Default 0.15 and 0.05; 0 and 0 for random content. */
  readonly zeroShare?: number;
  readonly duplicateShare?: number;
  /** Shares of all data pages. Default 0.02 and 0.01; 0 and 0 for random content. */
  readonly neverPopulatedShare?: number;
  readonly balloonedShare?: number;
}

const DEFAULTS = {
  files: { zeroShare: 0.15, duplicateShare: 0.05, neverPopulatedShare: 0.02, balloonedShare: 0.01 },
  random: { zeroShare: 0, duplicateShare: 0, neverPopulatedShare: 0, balloonedShare: 0 },
} as const;

export type Content = Required<ContentSpec>;

export function contentOf(spec: ContentSpec = {}): Content {
  const kind = spec.kind ?? 'files';
  const content = { kind, ...DEFAULTS[kind], ...definedOf(spec) };
  const { zeroShare, duplicateShare, neverPopulatedShare, balloonedShare } = content;
  for (const [first, second] of [
    [zeroShare, duplicateShare],
    [neverPopulatedShare, balloonedShare],
  ])
    if (!(first >= 0 && second >= 0 && first + second < 1))
      throw new RangeError('shares of content must be ≥ 0 and sum to less than 1');
  return content;
}

const definedOf = (spec: ContentSpec): Partial<Content> =>
  Object.fromEntries(Object.entries(spec).filter(([, value]) => value !== undefined));

/** Pages that share one fate, since free and zero pages come in runs. */
const HOLE_RUN = 32;
const CONTENT_RUN = 8;
const FILL_BYTES = 1024 * 1024;

/** A number in [0, 1) that follows from the seed, a purpose and an index. */
const chance = (seed: number, salt: number, index: number): number => mix(mix(seed ^ salt) + index) / 2 ** 32;

/** The p2m state in which data page `index` of a guest begins. */
export function initialState(content: Content, seed: number, index: number): number {
  const luck = chance(seed, 0x601e, Math.floor(index / HOLE_RUN));
  // The first run holds what programs keep at fixed places.
  if (index < HOLE_RUN || luck >= content.neverPopulatedShare + content.balloonedShare) return P2m.RAM;
  return luck < content.neverPopulatedShare ? P2m.NONE : P2m.BALLOONED;
}

/** Fills the data pages [first, end). Holes stay zero. */
export async function fillContents(
  machine: Machine,
  content: Content,
  seed: number,
  first: number,
  end: number,
): Promise<void> {
  await using source = content.kind === 'files' ? await FileBytes.open(seed) : new RandomBytes(seed);
  const { memory } = machine;
  for (let at = first * PAGE_SIZE; at < end * PAGE_SIZE; at += FILL_BYTES)
    await source.fill(memory.subarray(at, Math.min(at + FILL_BYTES, end * PAGE_SIZE)));
  for (let gfn = first; gfn < end; gfn++) adjust(machine, content, seed, first, gfn);
}

/** Turns the page into a zero page, a duplicate or a hole, if that is its fate. */
function adjust({ memory, p2m }: Machine, content: Content, seed: number, first: number, gfn: number): void {
  const at = gfn * PAGE_SIZE;
  const luck = chance(seed, 0x2e70, Math.floor(gfn / CONTENT_RUN));
  if (p2m[gfn] !== P2m.RAM || luck < content.zeroShare) memory.fill(0, at, at + PAGE_SIZE);
  else if (luck < content.zeroShare + content.duplicateShare)
    memory.copyWithin(at, first * PAGE_SIZE, (first + 1) * PAGE_SIZE);
}

class RandomBytes implements AsyncDisposable {
  private readonly cipher;
  private static readonly ZEROES = new Uint8Array(FILL_BYTES);

  constructor(seed: number) {
    const key = createHash('sha256').update(`xenferry guest ${seed}`).digest();
    this.cipher = createCipheriv('aes-256-ctr', key, new Uint8Array(16));
  }

  async fill(into: Uint8Array): Promise<void> {
    into.set(this.cipher.update(RandomBytes.ZEROES.subarray(0, into.length)));
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** The node binary, again and again. Each turn begins at another offset within a page, so that its pages differ from the last turn's. */
class FileBytes implements AsyncDisposable {
  private turn = 0;
  /** Bounce buffer: reads into shared memory are not something Node promises. */
  private readonly chunk = new Uint8Array(FILL_BYTES);

  private constructor(
    private readonly file: FileHandle,
    private readonly size: number,
    private position: number,
  ) {}

  static async open(seed: number): Promise<FileBytes> {
    const file = await open(process.execPath, 'r');
    const { size } = await file.stat();
    return new FileBytes(file, size, mix(seed) % Math.floor(size / 2));
  }

  async fill(into: Uint8Array): Promise<void> {
    for (let done = 0; done < into.length; ) {
      const { bytesRead } = await this.file.read(
        this.chunk,
        0,
        Math.min(FILL_BYTES, into.length - done),
        this.position,
      );
      if (bytesRead === 0) this.rewind();
      into.set(this.chunk.subarray(0, bytesRead), done);
      done += bytesRead;
      this.position += bytesRead;
    }
  }

  private rewind(): void {
    if (this.size < PAGE_SIZE) throw new Error(`${process.execPath} is too short to fill a guest's memory`);
    this.position = (++this.turn * 1361) % PAGE_SIZE;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.file.close();
  }
}
