/** Keys of the lab's own, made where it is built: host → dom0, and dom0 → dom0, as root and without a prompt. */
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { BuildContext } from './context.js';
import type { Part } from './part.js';
import { digestOfPath } from './stamp.js';

/** The name under which every dom0's host key is known, whatever its address. */
export const HOST_KEY_ALIAS = 'xen-lab';

export function keysPart(context: BuildContext): Part {
  const { keys, sshKey, knownHosts } = context.layout;
  return {
    name: 'keys',
    after: [],
    inputs: [digestOfPath(__filename)],
    async build() {
      rmSync(keys, { recursive: true, force: true });
      mkdirSync(keys, { recursive: true, mode: 0o700 });
      const command = context.commands('keys');
      const hostKey = join(keys, 'ssh_host_ed25519_key');
      for (const key of [sshKey, hostKey])
        await command('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', HOST_KEY_ALIAS, '-f', key]);
      writeFileSync(knownHosts, `* ${readFileSync(`${hostKey}.pub`, 'utf8')}`);
    },
  };
}
