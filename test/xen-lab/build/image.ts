/** dom0's disk: its root with kernel modules, node, keys, init and the guests put in, as one ext4 image. */
import { chmodSync, copyFileSync, cpSync, mkdirSync, readdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Suite } from '../flavours.js';
import { RECIPES } from '../paths.js';
import type { BuildContext } from './context.js';
import type { Part } from './part.js';
import { rootPartName } from './root.js';
import { digestOfPath } from './stamp.js';

/** Sparse. Room for saved domains. */
const SIZE = '6G';
const DOM0 = join(RECIPES, 'dom0');

export function imagePart(suite: Suite, context: BuildContext): Part {
  const { mtimeMs, size } = statSync(process.execPath);
  const name = `image-${suite}`;
  return {
    name,
    after: [rootPartName(suite), 'kernel', 'guest', 'keys'],
    inputs: [digestOfPath(__filename), digestOfPath(DOM0), process.version, String(mtimeMs), String(size)],
    async build() {
      const { layout } = context;
      const command = context.commands(name);
      const root = layout.root(suite);
      installKernel(layout.kernel, root);
      await command('depmod', ['-b', root, readdirSync(join(root, 'lib', 'modules'))[0]]);
      installNode(root);
      installKeys(layout.keys, root);
      installFile(join(DOM0, 'init.sh'), join(root, 'init'), 0o755);
      installFile(join(DOM0, 'sshd_config'), join(root, 'etc', 'ssh', 'sshd_config'), 0o644);
      installFile(join(DOM0, 'hosts'), join(root, 'etc', 'hosts'), 0o644);
      replaceFolder(layout.guest, join(root, 'guest'));
      mkdirSync(join(root, 'xenferry'), { recursive: true });
      const image = layout.image(suite);
      mkdirSync(dirname(image), { recursive: true });
      rmSync(image, { force: true });
      // Every boot writes to a copy that is thrown away, so a journal would be work for nothing.
      await command('mke2fs', ['-q', '-F', '-t', 'ext4', '-O', '^has_journal', '-d', root, image, SIZE]);
    },
  };
}

function installKernel(kernel: string, root: string): void {
  replaceFolder(join(kernel, 'lib', 'modules'), join(root, 'lib', 'modules'));
}

/** The node that runs this: what is developed with is what runs in dom0. */
function installNode(root: string): void {
  installFile(process.execPath, join(root, 'usr', 'bin', 'node'), 0o755);
}

function installKeys(keys: string, root: string): void {
  const home = join(root, 'root', '.ssh');
  mkdirSync(home, { recursive: true, mode: 0o700 });
  installFile(join(keys, 'id_ed25519'), join(home, 'id_ed25519'), 0o600);
  installFile(join(keys, 'id_ed25519.pub'), join(home, 'authorized_keys'), 0o600);
  installFile(join(keys, 'known_hosts'), join(home, 'known_hosts'), 0o600);
  const etc = join(root, 'etc', 'ssh');
  for (const name of readdirSync(etc)) if (name.startsWith('ssh_host_')) rmSync(join(etc, name));
  installFile(join(keys, 'ssh_host_ed25519_key'), join(etc, 'ssh_host_ed25519_key'), 0o600);
}

function installFile(from: string, to: string, mode: number): void {
  rmSync(to, { force: true });
  copyFileSync(from, to);
  chmodSync(to, mode);
}

function replaceFolder(from: string, to: string): void {
  rmSync(to, { recursive: true, force: true });
  cpSync(from, to, { recursive: true });
}
