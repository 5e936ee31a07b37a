/** dom0's initrd: enough to mount its disk. */
import { chmodSync, copyFileSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { basename, join } from 'node:path';
import { RECIPES } from '../paths.js';
import type { Command } from './command.js';
import type { BuildContext } from './context.js';
import type { Layout } from './layout.js';
import type { Part } from './part.js';
import { digestOfPath } from './stamp.js';

const MODULES = ['virtio_pci', 'virtio_blk', 'ext4'];
const INIT = join(RECIPES, 'dom0', 'initrd-init.sh');

export function initrdPart(context: BuildContext): Part {
  const { layout } = context;
  return {
    name: 'initrd',
    after: ['kernel'],
    inputs: [digestOfPath(__filename), digestOfPath(INIT)],
    async build() {
      const folder = layout.at('initrd');
      rmSync(folder, { recursive: true, force: true });
      for (const name of ['bin', 'dev', 'proc', 'sys', 'newroot', 'modules'])
        mkdirSync(join(folder, name), { recursive: true });
      const command = context.commands('initrd');
      await context.apt('bookworm').unpack(['busybox-static'], layout.at('busybox'));
      copyFileSync(layout.at('busybox', 'bin', 'busybox'), join(folder, 'bin', 'busybox'));
      copyFileSync(INIT, join(folder, 'init'));
      chmodSync(join(folder, 'init'), 0o755);
      const modules = await modulesInOrder(layout, command);
      for (const [i, module] of modules.entries())
        copyFileSync(module, join(folder, 'modules', `${String(i).padStart(3, '0')}-${basename(module)}`));
      await command('sh', ['-c', `find . | cpio -o -H newc --quiet | gzip -1 > "$0"`, layout.initrd], { cwd: folder });
    },
  };
}

/** The modules' files, each behind those that it needs. */
async function modulesInOrder({ kernel }: Layout, command: Command): Promise<string[]> {
  const [release] = readdirSync(join(kernel, 'lib', 'modules'));
  await command('depmod', ['-b', kernel, release]);
  const files = new Set<string>();
  for (const name of MODULES) {
    const depends = await command('modprobe', ['-d', kernel, '-S', release, '--show-depends', name]);
    for (const [, file] of depends.toString().matchAll(/^insmod (\S+)/gm)) files.add(file);
  }
  return [...files];
}
