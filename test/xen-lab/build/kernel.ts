/** Linux for dom0 and for the guests: Debian 12's, on every flavour. */
import { copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Command } from './command.js';
import type { BuildContext } from './context.js';
import type { Part } from './part.js';
import { digestOfPath } from './stamp.js';

const XZ_MAGIC = Buffer.from('fd377a585a00', 'hex');
const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');

export function kernelPart(context: BuildContext): Part {
  const { layout } = context;
  return {
    name: 'kernel',
    after: [],
    inputs: [digestOfPath(__filename)],
    async build() {
      rmSync(dirname(layout.kernel), { recursive: true, force: true });
      const apt = context.apt('bookworm');
      const name = await apt.dependencyOf('linux-image-amd64');
      await apt.unpack([name], layout.kernel);
      copyFileSync(join(layout.kernel, 'boot', `vmlinuz-${name.replace('linux-image-', '')}`), layout.vmlinuz);
      writeFileSync(layout.vmlinux, await elfOf(readFileSync(layout.vmlinuz), context.commands('kernel')));
    },
  };
}

/** Offsets at which an XZ stream may begin: the decompressor's own code holds the magic too. */
function xzOffsets(image: Buffer): number[] {
  const found: number[] = [];
  for (let at = image.indexOf(XZ_MAGIC); at !== -1; at = image.indexOf(XZ_MAGIC, at + 1)) found.push(at);
  return found;
}

/** A PVH domain's builder cannot unpack an XZ bzImage, so the guests boot from the ELF file inside it. */
async function elfOf(image: Buffer, command: Command): Promise<Buffer> {
  for (const at of xzOffsets(image)) {
    // Behind the compressed kernel stand its length and the loader's own data.
    const unpacked = await command('xz', ['-dc', '--single-stream'], { input: image.subarray(at) }).catch(() => null);
    if (unpacked?.subarray(0, 4).equals(ELF_MAGIC)) return unpacked;
  }
  throw new Error('there is no XZ-compressed ELF file in the kernel image');
}
