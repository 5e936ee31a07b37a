/** Where under the lab's folder each part's result lies. */
import { join } from 'node:path';
import type { FlavourName, Suite } from '../flavours.js';

export class Layout {
  constructor(readonly dir: string) {}

  get stamps(): string {
    return this.at('stamps');
  }

  get vmlinuz(): string {
    return this.at('kernel', 'vmlinuz');
  }

  get vmlinux(): string {
    return this.at('kernel', 'vmlinux');
  }

  /** The kernel package as unpacked, with lib/modules. */
  get kernel(): string {
    return this.at('kernel', 'package');
  }

  get initrd(): string {
    return this.at('initrd.gz');
  }

  /** What becomes dom0's /guest. */
  get guest(): string {
    return this.at('guest');
  }

  get keys(): string {
    return this.at('keys');
  }

  get sshKey(): string {
    return join(this.keys, 'id_ed25519');
  }

  get knownHosts(): string {
    return join(this.keys, 'known_hosts');
  }

  xen(flavour: FlavourName): string {
    return this.at('xen', flavour);
  }

  /** dom0's files, before and after they become an image. */
  root(suite: Suite): string {
    return this.at('root', suite);
  }

  image(suite: Suite): string {
    return this.at('image', `${suite}.img`);
  }

  log(part: string): string {
    return this.at('logs', `${part}.log`);
  }

  at(...names: string[]): string {
    return join(this.dir, ...names);
  }
}
