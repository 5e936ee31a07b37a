/** How a new domain is connected to the services of its host, which the toolstack has prepared. */

export interface ShellWiring {
  /** Event channels of the domain's own, bound to the services. */
  readonly storePort: number;
  readonly consolePort: number;
  /** Where the services run, mostly domain 0. */
  readonly storeDomid: number;
  readonly consoleDomid: number;
}

/** The pages of the domain through which it talks to them: what libxl is told when all is restored. */
export interface Rings {
  readonly storeGfn: number;
  readonly consoleGfn: number;
}
