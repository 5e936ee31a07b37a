/**
 * ffi-napi, loaded when the first library is opened: a laptop without it, or without Xen, loses nothing by importing
 * this. Pointers are Buffers whose address is the pointer; `out` parameters are ordinary Buffers.
 */
import { BackendError } from '../../errors.js';
import { DECLARATIONS, type FunctionName } from './declarations.js';

export type CType = 'void' | 'bool' | 'int' | 'uint' | 'int32' | 'uint32' | 'int64' | 'uint64' | 'pointer' | 'string';
export type CFunction = (...args: (number | string | boolean | Buffer | null)[]) => unknown;

interface Ffi {
  DynamicLibrary: ((path: string, flags: number) => { get(symbol: string): Buffer }) & {
    FLAGS: { RTLD_NOW: number; RTLD_GLOBAL: number };
  };
  ForeignFunction(address: Buffer, result: CType, args: readonly CType[]): CFunction;
  errno(): number;
}

interface Ref {
  address(pointer: Buffer): number;
  isNull(pointer: Buffer): boolean;
  reinterpret(pointer: Buffer, size: number): Buffer;
  readCString(pointer: Buffer): string;
}

let loaded: { ffi: Ffi; ref: Ref } | undefined;

function load(): { ffi: Ffi; ref: Ref } {
  try {
    loaded ??= { ffi: require('ffi-napi') as Ffi, ref: require('ref-napi') as Ref };
    return loaded;
  } catch (cause) {
    throw new BackendError('NOT_SUPPORTED', 'ffi-napi cannot be loaded, and the Xen backend calls libxc through it', {
      cause,
      remedy:
        'install g++, make and Python 3, and run npm install again: it is an optional dependency built on the spot',
    });
  }
}

export const addressOf = (pointer: Buffer): number => load().ref.address(pointer);
export const isNull = (pointer: Buffer): boolean => load().ref.isNull(pointer);
/** `size` bytes of foreign memory, not copied. */
export const memoryAt = (pointer: Buffer, size: number): Buffer => load().ref.reinterpret(pointer, size);

/** errno of the last call, if nothing has been called since. */
export const lastErrno = (): number => load().ffi.errno();

/** One shared library; a function is bound when it is first called, since binding one takes as long as a hundred calls. */
export class SharedLibrary {
  private readonly functions = new Map<FunctionName, CFunction>();
  /** Where its symbols are; undefined for one that it has not. To ask the linker takes as long as a call. */
  private readonly known = new Map<string, Buffer | undefined>();

  private constructor(
    readonly name: string,
    private readonly symbols: { get(symbol: string): Buffer },
  ) {}

  /** The first of `names` that can be opened; undefined if none can. `null` names the process itself. */
  static open(names: readonly (string | null)[]): SharedLibrary | undefined {
    const { ffi } = load();
    const { RTLD_NOW, RTLD_GLOBAL } = ffi.DynamicLibrary.FLAGS;
    for (const name of names) {
      try {
        return new SharedLibrary(name ?? 'libc', ffi.DynamicLibrary(name as string, RTLD_NOW | RTLD_GLOBAL));
      } catch {
        // Not this one.
      }
    }
    return undefined;
  }

  has(symbol: string): boolean {
    return this.find(symbol) !== undefined;
  }

  address(symbol: string): number {
    return addressOf(this.symbol(symbol));
  }

  call<T>(symbol: FunctionName, ...args: Parameters<CFunction>): T {
    return this.bound(symbol)(...args) as T;
  }

  /** Binds all that it has of what is declared, for a process that has time now and not later. */
  bindAll(): void {
    for (const symbol of Object.keys(DECLARATIONS) as FunctionName[]) if (this.has(symbol)) this.bound(symbol);
  }

  private bound(symbol: FunctionName): CFunction {
    const known = this.functions.get(symbol);
    if (known) return known;
    const [result, ...parameters] = DECLARATIONS[symbol];
    const bound = load().ffi.ForeignFunction(this.symbol(symbol), result, parameters);
    this.functions.set(symbol, bound);
    return bound;
  }

  private symbol(symbol: string): Buffer {
    const found = this.find(symbol);
    if (found) return found;
    throw new BackendError('NOT_SUPPORTED', `${this.name} has no ${symbol}`, {
      remedy: 'this backend knows Xen 4.14 to 4.20; run "xenferry doctor" for what is installed here',
    });
  }

  private find(symbol: string): Buffer | undefined {
    if (!this.known.has(symbol)) this.known.set(symbol, this.look(symbol));
    return this.known.get(symbol);
  }

  private look(symbol: string): Buffer | undefined {
    try {
      return this.symbols.get(symbol);
    } catch {
      return undefined;
    }
  }
}
