/** The command line of QEMU for one dom0. */

export interface Machine {
  readonly xen: string;
  readonly vmlinuz: string;
  readonly initrd: string;
  readonly image: string;
  /** 1 or 2: which of the lab's dom0s. Its address among them is 192.168.77.N. */
  readonly host: number;
  /** The port on the host's loopback behind which dom0's sshd is. */
  readonly sshPort: number;
  /** File for the serial console. */
  readonly console: string;
  /** Seen at /xenferry, read-only. */
  readonly repo: string;
  /** Folders of the host that are seen at the same path, writable. */
  readonly shares: readonly string[];
  /** 'mmap': what changes on the host is seen at once. 'loose': dom0 keeps what it has read. */
  readonly cache: 'mmap' | 'loose';
  /** A socket's path: the network between two dom0s, which the first one makes. */
  readonly network?: string;
}

const MEMORY_MB = 4096;
const DOM0_MEMORY_MB = 1536;

/**
 * -smap, -smep: with them a PV dom0 dies in create_bounce_frame under software emulation. -rdtscp: Xen cannot decode
 * RDTSCP's length without the nRIP feature, which the emulation lacks, and PVH guests die of it.
 */
const CPU = 'max,-smap,-smep,-rdtscp';

/**
 * eager-fpu: Xen's lazy switching of vector registers (which spec-ctrl=no would choose) goes wrong under software emulation: while
 * an HVM or PVH guest runs, programs in dom0 find others in theirs, and their memcpy, sha256 and the like give wrong results.
 */
const XEN = `console=com1 com1=115200,8n1 dom0_mem=${DOM0_MEMORY_MB}M dom0_max_vcpus=1 spec-ctrl=no,eager-fpu`;

export function qemuArguments(machine: Machine): string[] {
  const { xen, vmlinuz, initrd, image, console, repo, shares } = machine;
  const linux = [
    'console=hvc0',
    'quiet',
    'panic=1',
    `xenferry.host=${machine.host}`,
    `xenferry.cache=${machine.cache}`,
  ];
  const folders = shares.map((path, i) => ({ tag: `share${i}`, path }));
  for (const { tag, path } of folders) linux.push(`xenferry.share=${tag}:${path}`);
  return [
    ...['-display', 'none', '-monitor', 'none', '-nodefaults', '-no-user-config', '-no-reboot'],
    ...['-serial', `file:${escaped(console)}`],
    ...['-machine', 'pc', '-accel', 'tcg,thread=multi,tb-size=1024', '-cpu', CPU, '-smp', '1', '-m', `${MEMORY_MB}`],
    ...['-kernel', xen, '-initrd', `${escaped(`${vmlinuz} ${linux.join(' ')}`)},${escaped(initrd)}`],
    ...['-append', XEN],
    ...['-drive', `file=${escaped(image)},format=raw,if=virtio,snapshot=on`],
    ...sharing('xenferry', repo, ',readonly=on'),
    ...folders.flatMap(({ tag, path }) => sharing(tag, path, '')),
    ...['-netdev', `user,id=control,hostfwd=tcp:127.0.0.1:${machine.sshPort}-:22`],
    ...['-device', 'virtio-net-pci,netdev=control,romfile='],
    ...network(machine),
  ];
}

function sharing(tag: string, path: string, more: string): string[] {
  return ['-virtfs', `local,path=${escaped(path)},mount_tag=${tag},security_model=none,multidevs=remap${more}`];
}

function network({ network, host }: Machine): string[] {
  if (network === undefined) return [];
  const server = host === 1 ? 'on' : 'off';
  return [
    ...['-netdev', `stream,id=between,server=${server},addr.type=unix,addr.path=${escaped(network)}`],
    // Both cards of one wire would else have the same address.
    ...['-device', `virtio-net-pci,netdev=between,romfile=,mac=52:54:00:78:66:0${host}`],
  ];
}

/** A comma ends an option's value in QEMU unless it is doubled. */
function escaped(value: string): string {
  return value.replaceAll(',', ',,');
}
