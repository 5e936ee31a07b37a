/** What can go wrong: the error is clear, the domain runs on, and nothing is left behind. */
import type { Bench, Step } from '../run/step.js';
import { Guest } from './support/guest.js';
import { HELPER, tryMigrate, using, XENFERRY } from './support/helper.js';
import { assertNothingLeft, LOG_DIRTY } from './support/leftovers.js';

interface Case {
  readonly name: string;
  /** Does it, and throws unless it is told of as it should be. `guest` is to be as before, afterwards. */
  provoke(bench: Bench, guest: Guest): Promise<void>;
}

/** So slow that there is time to disturb it. */
const SLOWLY = 'XENFERRY_BANDWIDTH=4000000';
const PCI_DEVICE = '0000:03:00.0';
const SAVED = '/var/tmp/xen-lab/saved';
const CHANGED = `${SAVED}.changed`;
/** The brackets keep it from finding the shell that looks. */
const IN_A_WHILE = "until pgrep -f '[x]enferry-save-helper --' >/dev/null; do sleep 0.2; done; sleep 6";

/** As libxl has it (libxl_exec.c, libxl_report_child_exitstatus). */
const DIED_OF_SIGKILL = /save\/restore helper \[\d+\] died due to fatal signal Killed/;

const FAILED_ITSELF =
  /the helper has ended without a word[\s\S]*save\/restore helper \[\d+\] exited with error status 1/;

const CASES: readonly Case[] = [
  {
    name: 'a domid that does not exist',
    async provoke(bench) {
      // The peer's one word answers the helper's last message.
      const helper = `printf '\\0\\0\\0\\0' | timeout 60 ${HELPER} --save-domain 7 8 9999 1 0 0 7>/dev/null`;
      await expectText(bench, `${helper} | tr -c '[:print:]' ' '; echo; exit \${PIPESTATUS[1]}`, 0, /9999/);
    },
  },
  {
    name: 'log-dirty mode that was on already',
    async provoke(bench, guest) {
      await bench.dom0.run(`${LOG_DIRTY} on ${await guest.domid()}`);
      const { code, output } = await tryMigrate(bench, { guest, source: 'ours', target: 'ours' });
      if (code !== 0) throw new Error(`xl migrate ended with ${code}`);
      if (!/it has been taken over/.test(output)) throw new Error('it does not say that the mode was taken over');
    },
  },
  {
    name: 'a guest with a PCI device',
    async provoke(bench, guest) {
      const { dom0 } = bench;
      const domid = await guest.domid();
      const backend = `/local/domain/0/backend/pci/${domid}`;
      // As libxl writes it for the first device; the lab's machines have none that could be spared.
      const keys = `${backend}/0/num_devs 1 ${backend}/0/dev-0 ${PCI_DEVICE} ${backend}/0/key-0 ${PCI_DEVICE}`;
      await dom0.run(`xenstore-write ${keys}`);
      try {
        const { code, output } = await tryMigrate(bench, { guest, source: 'ours', target: 'ours' });
        assertFailed(code, output, /The save of domain \d+ failed \(NOT_SUPPORTED\).*PCI devices.*: 0000:03:00\.0/);
        assertFailed(code, output, /xl pci-detach/);
      } finally {
        await dom0.run(`xenstore-rm -t ${backend}`);
      }
      const { code } = await dom0.exec(`xenstore-read ${backend}/0/num_devs`);
      if (code === 0) throw new Error(`${backend} is still there`);
    },
  },
  {
    name: 'a guest that does not answer the suspend request',
    async provoke(bench, guest) {
      await bench.dom0.run(`xl pause ${guest.name}`);
      const { code, output } = await tryMigrate(bench, { guest, source: 'ours', target: 'ours', timeoutS: 200 });
      await bench.dom0.run(`xl unpause ${guest.name}`);
      assertFailed(code, output, /The save of domain \d+ failed \(SUSPEND_FAILED\)/);
    },
  },
  {
    name: 'a full disk',
    async provoke(bench, guest) {
      const small = '/var/tmp/xen-lab/small';
      await bench.dom0.run(`mkdir -p ${small} && mount -t tmpfs -o size=8m small ${small}`);
      try {
        await expectText(bench, `${using('ours')} xl save ${guest.name} ${small}/image`, 'any', /no space|ENOSPC/i);
      } finally {
        await bench.dom0.run(`umount ${small}`);
      }
    },
  },
  {
    name: 'a receiver that goes away',
    async provoke(bench, guest) {
      const receive = 'sh -c "head -c 3000000 | xl migrate-receive"';
      const command = `${using('ours')} xl migrate -s '' ${guest.name} '${receive}'`;
      await expectText(bench, command, 'any', /The save of domain \d+ failed .*(broken pipe|EPIPE|ECONNRESET)/i);
    },
  },
  {
    name: 'SIGTERM to the saving helper',
    async provoke(bench, guest) {
      const migrate = `${using('ours')} ${SLOWLY} xl migrate -s '' ${guest.name} 'xl migrate-receive'`;
      const kill = `(${IN_A_WHILE}; pkill -TERM -f '[x]enferry-save-helper --save')`;
      await expectText(
        bench,
        `${kill} & ${migrate}; status=$?; wait; exit $status`,
        'any',
        /The save of domain \d+ failed \(CANCELLED\)/,
      );
    },
  },
  {
    name: 'SIGKILL to what libxl has started to receive',
    async provoke(bench, guest) {
      const migrate = `${using('ours')} ${SLOWLY} xl migrate -s '' ${guest.name} '${using('ours')} xl migrate-receive'`;
      const kill = `(${IN_A_WHILE}; pkill -KILL -f '[x]enferry-save-helper --restore')`;
      await expectText(bench, `${kill} & ${migrate}; status=$?; wait; exit $status`, 'any', DIED_OF_SIGKILL);
    },
  },
  {
    name: 'SIGKILL to the receiving helper itself',
    async provoke(bench, guest) {
      const migrate = `${using('ours')} ${SLOWLY} xl migrate -s '' ${guest.name} '${using('ours')} xl migrate-receive'`;
      const kill = `(${IN_A_WHILE}; pkill -KILL -P $(pgrep -f '[x]enferry-save-helper --restore'))`;
      await expectText(bench, `${kill} & ${migrate}; status=$?; wait; exit $status`, 'any', FAILED_ITSELF);
    },
  },
  {
    name: 'xenferry migrate of a domain that is not there',
    async provoke(bench) {
      await expectText(bench, `${XENFERRY} migrate nobody dom0-2`, 'any', /no domain is called nobody/);
    },
  },
  {
    name: 'xenferry migrate to a host that does not answer',
    async provoke(bench, guest) {
      const command = `${XENFERRY} migrate ${guest.name} 127.0.0.2 --ssh-command 'ssh -p 1' --json`;
      await expectText(bench, command, 'any', /"code":"DESTINATION_UNREACHABLE"/);
    },
  },
];

/** Of the version of Xen, two words, in libxc's headers. */
const MAJOR_AT = 32;
const MINOR_AT = 36;

/** A saved domain of which a part is overwritten is not restored, and says why. */
const DAMAGES: readonly { readonly name: string; readonly damage: string; readonly says: RegExp }[] = [
  { name: 'a stream of another version', damage: at(12, '\\0\\0\\0\\143'), says: /BAD_VERSION/ },
  { name: 'what is no stream', damage: at(8, 'NOPE'), says: /BAD_MAGIC/ },
  {
    name: 'a stream of a newer Xen',
    damage: at(MINOR_AT, '\\143'),
    says: /NEWER_HYPERVISOR\).*version 4\.99 .*this host has 4\.\d+,.*update this host/,
  },
  { name: 'a stream that ends early', damage: 'truncate -s 20000000 $image', says: /TRUNCATED/ },
];

export const badThingsSteps: readonly Step[] = [
  {
    name: 'bad things: pvh',
    flavour: 'debian12-full',
    hosts: 1,
    lane: 'bad things',
    timeoutS: 1300,
    run: badThings,
  },
  {
    name: 'bad things: streams that cannot be restored',
    flavour: 'debian12-full',
    hosts: 1,
    lane: 'bad things',
    timeoutS: 700,
    run: badStreams,
  },
  {
    name: 'bad things: pv on a Xen without shadow paging',
    flavour: 'debian12',
    hosts: 1,
    timeoutS: 600,
    run: noShadow,
  },
];

async function badThings(bench: Bench): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pvh');
  for (const { name, provoke } of CASES) await judge(bench, name, guest, () => provoke(bench, guest));
  await guest.destroy();
}

async function badStreams(bench: Bench): Promise<void> {
  const { dom0 } = bench;
  const guest = await Guest.create(bench.dom0s, 'pvh');
  await dom0.run(`mkdir -p /var/tmp/xen-lab; ${using('ours')} xl save ${guest.name} ${SAVED}`);
  for (const { name, damage, says } of DAMAGES) {
    await judge(bench, name, undefined, async () => {
      await expectText(bench, `${changed(damage)}; ${using('ours')} xl restore $image`, 'any', says);
    });
  }
  await judge(bench, 'the stream says which Xen it comes from', undefined, async () => {
    const said = await dom0.run(`od -An -tu4 -j ${offsetIn(SAVED, MAJOR_AT)} -N 8 ${SAVED}`);
    const version = await dom0.run('cat /sys/hypervisor/version/major /sys/hypervisor/version/minor');
    if (words(said) !== words(version)) throw new Error(`it says ${words(said)}, and this is ${words(version)}`);
  });
  await judge(bench, 'a stream of an older Xen is restored, and saved again', undefined, async () => {
    bench.log(await dom0.run(`${changed(at(MINOR_AT, '\\016'))} && ${using('ours')} xl restore $image`));
    // What was saved first has run now, and a guest that goes back in time says so on its console.
    await guest.assertRuns();
    bench.log(await dom0.run(`${using('ours')} xl save ${guest.name} ${CHANGED} && mv ${CHANGED} ${SAVED}`));
  });
  await judge(bench, 'the stream undamaged', guest, () => dom0.run(`${using('ours')} xl restore ${SAVED}`));
  await guest.destroy();
}

async function noShadow(bench: Bench): Promise<void> {
  const guest = await Guest.create(bench.dom0s, 'pv');
  await judge(bench, 'xl migrate with our helper names the option', guest, async () => {
    const { code, output } = await tryMigrate(bench, { guest, source: 'ours', target: 'ours' });
    assertFailed(code, output, /SHADOW_PAGING/);
  });
  await judge(bench, 'xenferry migrate refuses, and names the option', guest, () => {
    const command = `${XENFERRY} migrate ${guest.name} dom0-2`;
    return expectText(bench, command, 'any', /SHADOW_PAGING/);
  });
  await judge(bench, 'xl save and xl restore need no log-dirty mode', guest, async () => {
    bench.log(await bench.dom0.run(`mkdir -p /var/tmp/xen-lab; ${using('ours')} xl save ${guest.name} ${SAVED}`));
    bench.log(await bench.dom0.run(`${using('ours')} xl restore ${SAVED}`));
  });
  await guest.destroy();
}

/** One result; the domain must run on, in any case, and nothing may be left. */
async function judge(
  bench: Bench,
  name: string,
  guest: Guest | undefined,
  provoke: () => Promise<unknown>,
): Promise<void> {
  const begun = performance.now();
  let detail: string | undefined;
  try {
    await provoke();
    await guest?.assertRuns();
    await assertNothingLeft(bench.dom0);
  } catch (error) {
    bench.signal.throwIfAborted();
    detail = (error as Error).message;
  }
  bench.result({ name, ok: detail === undefined, seconds: (performance.now() - begun) / 1000, detail });
}

/** The command's status and what it says. 'any': any but success. */
async function expectText(bench: Bench, command: string, status: number | 'any', says: RegExp): Promise<void> {
  const { code, output } = await bench.dom0.exec(command, { timeoutS: 240 });
  bench.log(`$ ${command}\n${output}`);
  if (status === 'any') return assertFailed(code, output, says);
  if (code !== status || !says.test(output)) throw new Error(`status ${code}, and it says:\n${output.slice(-2000)}`);
}

function assertFailed(code: number, output: string, says: RegExp): void {
  if (code === 0) throw new Error('it succeeded');
  if (code === 124) throw new Error(`it did not end in time:\n${output.slice(-2000)}`);
  if (!says.test(output)) throw new Error(`it does not say ${says}:\n${output.slice(-2000)}`);
}

/** Shell commands that make a copy of what was saved, `$image`, and change it. */
function changed(change: string): string {
  return `image=${CHANGED}; cp ${SAVED} $image && ${change}`;
}

/** Shell commands that overwrite bytes of libxc's header in `$image`. */
function at(offset: number, bytes: string): string {
  return `printf '${bytes}' | dd of=$image bs=1 seek=${offsetIn('$image', offset)} conv=notrunc status=none`;
}

/** For the shell: where a byte of libxc's header is in `image`. */
function offsetIn(image: string, offset: number): string {
  return `$(($(python3 /xenferry/test/xen-lab/inside/libxc-offset.py ${image}) + ${offset}))`;
}

function words(text: string): string {
  return text.trim().split(/\s+/).join(' ');
}
