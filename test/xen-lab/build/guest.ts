/** The guests' kernel and initrd, made by guest/build.sh, and their domain configurations: dom0's /guest. */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { RECIPES } from '../paths.js';
import type { BuildContext } from './context.js';
import type { Part } from './part.js';
import { digestOfPath } from './stamp.js';

export function guestPart(context: BuildContext): Part {
  const { guest, vmlinux } = context.layout;
  const recipe = join(RECIPES, 'guest');
  return {
    name: 'guest',
    after: ['kernel'],
    inputs: [digestOfPath(__filename), digestOfPath(recipe)],
    async build() {
      rmSync(guest, { recursive: true, force: true });
      mkdirSync(guest, { recursive: true });
      await context.commands('guest')('bash', [join(recipe, 'build.sh'), guest]);
      copyFileSync(vmlinux, join(guest, 'vmlinux'));
    },
  };
}
