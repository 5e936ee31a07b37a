/** The guests' kernel and initrd, made by guest/build.sh, and their domain configurations: dom0's /guest. */
import { copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RECIPES } from '../paths.js';
import type { BuildContext } from './context.js';
import type { Part } from './part.js';
import { digestOfPath } from './stamp.js';

export function guestPart(context: BuildContext): Part {
  const { guest, kernel, vmlinux } = context.layout;
  const recipe = join(RECIPES, 'guest');
  return {
    name: 'guest',
    after: ['kernel'],
    inputs: [digestOfPath(__filename), digestOfPath(recipe)],
    async build() {
      rmSync(guest, { recursive: true, force: true });
      mkdirSync(guest, { recursive: true });
      await context.commands('guest')('bash', [join(recipe, 'build.sh'), guest, privcmdModule(kernel)]);
      copyFileSync(vmlinux, join(guest, 'vmlinux'));
    },
  };
}

/** What lets the guest's agent make hypercalls, for its balloon. */
function privcmdModule(kernel: string): string {
  const modules = join(kernel, 'lib', 'modules');
  return join(modules, readdirSync(modules)[0], 'kernel', 'drivers', 'xen', 'xen-privcmd.ko');
}
