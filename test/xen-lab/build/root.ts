/** dom0's root file system, as debootstrap leaves it. */
import { mkdirSync, rmSync } from 'node:fs';
import type { Suite } from '../flavours.js';
import { mirror } from './apt.js';
import type { BuildContext } from './context.js';
import type { Part } from './part.js';
import { digestOfPath } from './stamp.js';

const PACKAGES = [
  'xenstore-utils',
  'busybox-static',
  'kmod',
  'iproute2',
  'procps',
  'psmisc',
  'python3',
  'libstdc++6',
  'openssh-client',
  'openssh-server',
  'strace',
];

const XEN_UTILS: Record<Suite, string> = { bookworm: 'xen-utils-4.17', trixie: 'xen-utils-4.20' };

export function rootPartName(suite: Suite): string {
  return `root-${suite}`;
}

export function rootPart(suite: Suite, context: BuildContext): Part {
  return {
    name: rootPartName(suite),
    after: [],
    inputs: [digestOfPath(__filename), suite],
    async build() {
      const root = context.layout.root(suite);
      const command = context.commands(rootPartName(suite));
      // A debootstrap that was killed may have left them mounted.
      await command('sh', ['-c', 'umount -q "$0/proc" "$0/sys"; true', root]);
      rmSync(root, { recursive: true, force: true });
      mkdirSync(root, { recursive: true });
      const include = [XEN_UTILS[suite], ...PACKAGES].join(',');
      await command('debootstrap', ['--variant=minbase', `--include=${include}`, suite, root, mirror()]);
    },
  };
}
