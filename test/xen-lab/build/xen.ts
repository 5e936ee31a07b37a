/** The hypervisors: Debian's own, and Debian's source with more switched on. */
import { appendFileSync, copyFileSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { dirname, join } from 'node:path';
import { FLAVOURS, type FlavourName } from '../flavours.js';
import { APT_RECIPE } from './apt.js';
import type { BuildContext } from './context.js';
import type { Part } from './part.js';
import { digestOfPath } from './stamp.js';

/** What Debian leaves out: live migration of PV domains needs the first, post-copy the second, and both need UNSUPPORTED. */
const MORE_CONFIG = 'CONFIG_UNSUPPORTED=y\nCONFIG_SHADOW_PAGING=y\nCONFIG_MEM_PAGING=y\n';

export function xenPartName(flavour: FlavourName): string {
  return `xen-${flavour}`;
}

export function xenPart(flavour: FlavourName, context: BuildContext): Part {
  const full = FLAVOURS[flavour].shadowPaging;
  return {
    name: xenPartName(flavour),
    after: [],
    inputs: [digestOfPath(__filename), flavour, ...(full ? [] : [APT_RECIPE])],
    async build() {
      mkdirSync(dirname(context.layout.xen(flavour)), { recursive: true });
      await (full ? buildFromSource(flavour, context) : takeAsShipped(flavour, context));
    },
  };
}

async function takeAsShipped(flavour: FlavourName, context: BuildContext): Promise<void> {
  const { suite, xenVersion } = FLAVOURS[flavour];
  const folder = context.layout.at('unpacked', flavour);
  rmSync(folder, { recursive: true, force: true });
  await context.apt(suite).unpack([`xen-hypervisor-${xenVersion}-amd64`], folder);
  const command = context.commands(xenPartName(flavour));
  const packed = join(folder, 'boot', `xen-${xenVersion}-amd64.gz`);
  writeFileSync(context.layout.xen(flavour), await command('gzip', ['-dc', packed]));
  rmSync(folder, { recursive: true });
}

async function buildFromSource(flavour: FlavourName, context: BuildContext): Promise<void> {
  const folder = context.layout.at('source', flavour);
  rmSync(folder, { recursive: true, force: true });
  const source = await context.apt(FLAVOURS[flavour].suite).source('xen', folder);
  const hypervisor = join(source, 'xen');
  copyFileSync(join(source, 'debian', 'xen-kconfig'), join(hypervisor, '.config'));
  appendFileSync(join(hypervisor, '.config'), MORE_CONFIG);
  const make = ['-s', '-C', hypervisor, 'XEN_TARGET_ARCH=x86_64', 'PYTHON=/usr/bin/python3'];
  const command = context.commands(xenPartName(flavour));
  await command('make', [...make, 'olddefconfig']);
  await command('make', [...make, `-j${availableParallelism()}`]);
  copyFileSync(join(hypervisor, 'xen'), context.layout.xen(flavour));
  rmSync(folder, { recursive: true });
}
