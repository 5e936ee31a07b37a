/** All that the doctor looks at, as data: gathered once, then judged by functions that touch nothing. */

export interface Version {
  readonly major: number;
  readonly minor: number;
}

/** What Linux says of the hypervisor under it. */
export interface HypervisorFacts {
  /** /sys/hypervisor/type; undefined: none. */
  readonly type: string | undefined;
  readonly version: Version | undefined;
  /** With the rest of it, as `4.17.5`. */
  readonly versionText: string;
  /** /proc/xen/capabilities; undefined: not there. */
  readonly capabilities: string | undefined;
}

export interface LibraryFacts {
  readonly name: string;
  /** The file that was opened; undefined: none could be. */
  readonly opened: string | undefined;
  /** Those of the asked symbols that it lacks. */
  readonly missing: readonly string[];
}

/** Answers of the hypervisor itself. */
export interface PhysicalFacts {
  readonly pv: boolean;
  readonly hvm: boolean;
  readonly hap: boolean;
  readonly shadow: boolean;
}

/** What the hypervisor said to a paging operation on a domain that does not exist. */
export type PagingAnswer = 'built-in' | 'not-built' | 'unknown';

export interface ProgramFacts {
  /** undefined: not in the PATH. */
  readonly path: string | undefined;
}

export interface XlFacts extends ProgramFacts {
  /** Why `xl info` failed; undefined: it worked. */
  readonly problem: string | undefined;
}

export interface Facts {
  readonly arch: string;
  readonly root: boolean;
  readonly hypervisor: HypervisorFacts;
  /** errno's name, such as ENOENT; undefined: can be opened for reading and writing. */
  readonly privcmd: string | undefined;
  /** Why ffi-napi cannot be loaded; undefined: it can, or was not tried. */
  readonly ffi: string | undefined;
  /** Empty where it was not tried. */
  readonly libraries: readonly LibraryFacts[];
  /** Versions of libxenctrl that are installed, as `4.17`. */
  readonly installed: readonly string[];
  /** undefined: the hypervisor could not be asked. */
  readonly physical: PhysicalFacts | undefined;
  readonly paging: PagingAnswer;
  readonly xl: XlFacts;
  /** A connection to xenstored: undefined where it runs elsewhere, or cannot be seen. */
  readonly xenstore: boolean | undefined;
  readonly helper: { readonly path: string; readonly problem?: string; readonly remedy?: string };
  /** Somebody listens where the helper's launcher looks. */
  readonly standby: boolean;
  readonly node: ProgramFacts;
  readonly addon: { readonly built: boolean; readonly problem?: string };
  readonly ssh: ProgramFacts;
}
