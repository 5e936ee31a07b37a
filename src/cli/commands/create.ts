import { type Command, InvalidArgumentError, Option } from 'commander';
import { GUEST_PROGRAMS, type GuestProgram } from '../../host/guest.js';
import { contextOf } from '../context.js';
import { guestHelp, guestOf } from '../guest.js';
import { domainSheet } from '../tables.js';
import { parseCount, sizeOption } from '../units.js';

const MIB = 2 ** 20;

interface Options {
  readonly memory: number;
  readonly vcpus: number;
  readonly paging?: 'shadow' | 'hap';
  readonly guest: GuestProgram;
  readonly guestOption?: Record<string, number>;
  readonly content: 'files' | 'random';
  readonly seed: number;
  readonly paused?: boolean;
}

export function addCreate(program: Command): void {
  program
    .command('create <name>')
    .description('make a domain and run it')
    .addOption(sizeOption('--memory <size>', 'its memory', 512 * MIB))
    .option('--vcpus <n>', 'its vCPUs', parseCount(1, 32), 1)
    .addOption(
      new Option('--paging <mode>', 'how dirty pages are found; default: as the host prefers').choices([
        'shadow',
        'hap',
      ]),
    )
    .addOption(new Option('--guest <program>', 'what runs in it').choices(GUEST_PROGRAMS).default('idle'))
    .option('--guest-option <key=number>', 'an option of that program, see below; may be repeated', collect)
    .addOption(
      new Option('--content <kind>', 'what its memory begins with: bytes of files and some zero pages, or random bytes')
        .choices(['files', 'random'])
        .default('files'),
    )
    .option('--seed <n>', 'of its memory content and random numbers', parseCount(0, 0xffffffff), 1)
    .option('--paused', 'do not let it run yet')
    .addHelpText('after', () => `\n${guestHelp()}`)
    .action(async (name: string, options: Options, command: Command) => {
      const { connect, output } = contextOf(command);
      const { memory, vcpus, paging: pagingMode, seed, paused } = options;
      const guest = guestOf(options.guest, options.guestOption ?? {});
      const config = {
        name,
        memoryMB: Math.ceil(memory / MIB),
        vcpus,
        pagingMode,
        seed,
        guest,
        content: { kind: options.content },
      };
      const client = await connect();
      const domain = await client.create({ config, paused });
      output.result(domain, () => domainSheet(domain));
    });
}

function collect(text: string, before: Record<string, number> = {}): Record<string, number> {
  const [, key, value] = /^([A-Za-z]\w*)=(-?\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError('write KEY=NUMBER');
  return { ...before, [key]: Number(value) };
}
