import { type Command, InvalidArgumentError, Option } from 'commander';
import type { DomainConfig } from '../../host/domain-config.js';
import { contextOf } from '../context.js';
import { domainSheet } from '../tables.js';
import { parseCount, parseSize } from '../units.js';

const MIB = 2 ** 20;

const PROGRAMS = ['idle', 'hot-set', 'memtester', 'zipf', 'allocator', 'churner'] as const;
type Program = (typeof PROGRAMS)[number];

interface Options {
  readonly memory: number;
  readonly vcpus: number;
  readonly paging?: 'shadow' | 'hap';
  readonly guest: Program;
  readonly guestOption: Record<string, number>;
  readonly content: 'files' | 'random';
  readonly seed: number;
  readonly paused?: boolean;
}

export function addCreate(program: Command): void {
  program
    .command('create <name>')
    .description('make a domain and run it')
    .option('--memory <size>', 'its memory', parseSize, 512 * MIB)
    .option('--vcpus <n>', 'its vCPUs', parseCount(1, 32), 1)
    .addOption(
      new Option('--paging <mode>', 'how dirty pages are found; default: as the host prefers').choices([
        'shadow',
        'hap',
      ]),
    )
    .addOption(new Option('--guest <program>', 'what runs in it').choices(PROGRAMS).default('idle'))
    .option('--guest-option <key=number>', 'a parameter of that program; may be repeated', collect, {})
    .addOption(
      new Option('--content <kind>', 'what its memory begins with: bytes of files and some zero pages, or random bytes')
        .choices(['files', 'random'])
        .default('files'),
    )
    .option('--seed <n>', 'of its memory content and random numbers', parseCount(0, 0xffffffff), 1)
    .option('--paused', 'do not let it run yet')
    .action(async (name: string, options: Options, command: Command) => {
      const { client, output } = contextOf(command);
      const { memory, vcpus, paging: pagingMode, seed, paused } = options;
      // Which parameters a program has is the host's to check, and it says what is wrong.
      const guest = { program: options.guest, ...options.guestOption } as DomainConfig['guest'];
      const config = {
        name,
        memoryMB: Math.ceil(memory / MIB),
        vcpus,
        pagingMode,
        seed,
        guest,
        content: { kind: options.content },
      };
      const domain = await client.create({ config, paused });
      output.result(domain, () => domainSheet(domain));
    });
}

function collect(text: string, before: Record<string, number>): Record<string, number> {
  const [, key, value] = /^([A-Za-z]\w*)=(-?\d+(?:\.\d+)?)$/.exec(text) ?? [];
  if (key === undefined) throw new InvalidArgumentError('write KEY=NUMBER');
  return { ...before, [key]: Number(value) };
}
