/**
 * What an author hands to the suite: a fresh backend, and domains whose guest takes orders.
 *
 * Every order is carried out by a vCPU of the guest itself, since a write made from outside proves nothing about
 * log-dirty. The orders are few and batched, so that a small program in a Linux guest can carry them out too: it owns
 * some locked pages, knows their frame numbers (/proc/self/pagemap), and hears its orders over a console.
 */
import type { Domain, HypervisorBackend, PagingMode } from '../../src/backends/backend.js';

/** A program inside a running guest. Its calls wait for the guest, so they never settle while it is paused. */
export interface Guest {
  /**
   * Plain RAM that the program owns, ascending, {@link MIN_PAGES} at least: always present, written by nobody else,
   * and not vital. With the `twoLeaves` ability, some lie below gfn 32,768 and some above.
   */
  readonly pages: Uint32Array;
  /** Writes `value` (u32, little-endian) to the first word of each of these pages. */
  write(gfns: Uint32Array, value: number): Promise<void>;
  /** The first word of each of these pages. `vcpu`: which one reads (ability `chooseVcpu`); default 0. */
  read(gfns: Uint32Array, vcpu?: number): Promise<Uint32Array>;
  /** The sum, modulo 2³², of the 1,024 words of each of these pages. */
  sum(gfns: Uint32Array): Promise<Uint32Array>;
  /**
   * Goes round these pages as fast as it can, writing a number that grows with each write to their first words, until
   * {@link settle}. Resolves when it has begun. With several vCPUs it may use them all.
   */
  scribble(gfns: Uint32Array): Promise<void>;
  /** Stops scribbling; resolves when the last write has been made. */
  settle(): Promise<void>;
  /** Gives these pages back to the hypervisor (ability `balloon`). They are the program's no longer until populated. */
  balloonOut(gfns: Uint32Array): Promise<void>;
  /** From now on the guest does not answer when it is asked to suspend (ability `refuseSuspend`). */
  refuseSuspend(): Promise<void>;
}

export const MIN_PAGES = 64;

/** What a fixture may be unable to do, and what it takes. */
export const ABILITIES = {
  scribble: 'Guest.scribble() and settle()',
  balloon: 'Guest.balloonOut()',
  dropMissing: 'Guest.balloonOut() of a missing page',
  takePages: 'ForeignMemory.depopulate() of a domain whose guest runs',
  chooseVcpu: 'two vCPUs that read independently of each other: Guest.read(gfns, vcpu)',
  twoLeaves: 'guests with pages of their own below and above gfn 32,768',
  refuseSuspend: 'Guest.refuseSuspend()',
  attach: 'Fixture.attach()',
} as const;
export type Ability = keyof typeof ABILITIES;

export interface DomainRequest {
  readonly name: string;
  /** Memory, in pages, at least. */
  readonly pages: number;
  readonly vcpus: number;
  readonly pagingMode: PagingMode;
}

export interface RunningDomain {
  readonly domain: Domain;
  readonly guest: Guest;
}

/** One test's world; nothing in it is shared with another. */
export interface Fixture {
  readonly backend: HypervisorBackend;
  /** A domain that runs, its program waiting for orders. */
  createDomain(request: DomainRequest): Promise<RunningDomain>;
  /** The program of `guest` in a domain into which its memory and state have been copied (ability `attach`). */
  attach(domain: Domain, guest: Guest): Promise<Guest>;
  /** Domids of domains of the host that are not this test's, on a host that is not the test's alone. Default: none. */
  residents?(): Promise<number[]>;
  /** Time as the guests see it; a timer if left out. */
  sleep?(ms: number, signal?: AbortSignal): Promise<void>;
  /** Runs a test's body, for a fixture that must drive its own clock while it does. */
  run?<T>(body: () => Promise<T>): Promise<T>;
  /** Frees everything, whatever state the test left it in. */
  close(): Promise<void>;
}

export type Factory = () => Promise<Fixture>;
