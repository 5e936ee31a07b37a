/** What speaks against post-copy, each with what to do about it. */
import { realpathSync } from 'node:fs';
import type { XlDomain } from './toolstack.js';

export interface Obstacle {
  readonly problem: string;
  readonly remedy: string;
}

/** Where an installation has the program that ends with libxl's wait while the helper goes on. */
const LAUNCHER = /\/native\/build\/Release\/xenferry-save-helper$/;

const PRECOPY = 'use --strategy precopy';

/** What Xen refuses a paging ring for (xen/common/vm_event.c, vm_event_domctl). */
export function domainObstacle(domain: XlDomain): Obstacle | undefined {
  const { name, type, hap, passthrough, targetKb, maxKb } = domain;
  if (type === 'pv')
    return {
      problem: `domain ${name} is a PV domain, and Xen pages only PVH and HVM domains`,
      remedy: `${PRECOPY}, or make it a PVH domain (type="pvh")`,
    };
  if (hap === false)
    return {
      problem: `domain ${name} runs on shadow page tables (hap=0), and Xen pages only domains with HAP`,
      remedy: `${PRECOPY}, or start it without hap=0`,
    };
  if (passthrough)
    return {
      problem: `domain ${name} uses the IOMMU, and a device would find missing pages`,
      remedy: `${PRECOPY}, or start it without passthrough`,
    };
  if (targetKb !== undefined && maxKb !== undefined && targetKb < maxKb)
    return {
      problem: `domain ${name} has ${mib(targetKb)} of memory and a maxmem of ${mib(maxKb)}: what is between may be populated on demand, which Xen does not combine with paging`,
      remedy: `${PRECOPY}, or give it all its memory first: xl mem-set ${name} ${Math.ceil(maxKb / 1024)}m`,
    };
  return undefined;
}

function mib(kb: number): string {
  return `${Math.round(kb / 1024)} MiB`;
}

/** Of this installation's helper, or of another one's. */
export function helperObstacle(path: string): Obstacle | undefined {
  return LAUNCHER.test(realPath(path)) ? undefined : notLauncher(path);
}

export function notLauncher(path: string): Obstacle {
  return {
    problem: `${path} is not the launcher of a helper: libxl would wait for it until the last page has moved`,
    remedy: 'build it (npm run build:native) and name native/build/Release/xenferry-save-helper',
  };
}

export const STOCK_RECEIVER: Obstacle = {
  problem: 'libxl’s own helper receives (--stock-receiver), which knows no post-copy',
  remedy: `${PRECOPY}, or install xenferry over there and leave out --stock-receiver`,
};

export const UNKNOWN_RECEIVER: Obstacle = {
  problem: 'what is at the other end of --receive-command cannot be asked whether it can do post-copy',
  remedy: 'give --strategy tsmc if it can',
};

function realPath(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** The doctor's finding of this name tells whether a Xen has memory paging. */
export const PAGING_FINDING = 'paging';
const MOST_FOUND = 200;

/** Of what `xenferry doctor --json` has printed, whoever did. */
export function pagingObstacle(diagnosis: unknown): Obstacle | undefined {
  const findings = (diagnosis as { findings?: unknown } | undefined | null)?.findings;
  const finding: unknown = Array.isArray(findings) ? findings.find((one) => one?.id === PAGING_FINDING) : undefined;
  const { answer, found } = (finding ?? {}) as { answer?: unknown; found?: unknown };
  if (answer === 'yes') return undefined;
  const what = typeof found === 'string' ? found.slice(0, MOST_FOUND) : 'xenferry doctor did not answer there';
  if (answer === 'no')
    return {
      problem: `no memory paging, which post-copy needs: ${what}`,
      remedy: `${PRECOPY}, or run a Xen that is built with CONFIG_UNSUPPORTED=y and CONFIG_MEM_PAGING=y, with HAP`,
    };
  return {
    problem: `it cannot be told whether its Xen has memory paging, which post-copy needs: ${what}`,
    remedy: `${PRECOPY}, or see what xenferry doctor says there`,
  };
}
