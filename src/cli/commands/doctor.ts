import type { Command } from 'commander';
import type { Diagnosis } from '../../libxl/doctor/index.js';
import { contextOf } from '../context.js';
import { diagnosisSheet } from '../doctor-sheet.js';
import { exitCode } from '../exit-codes.js';

export function addDoctor(program: Command): void {
  program
    .command('doctor')
    .summary('what this machine can migrate, and what to do about what it cannot')
    .description('Looks at the machine and changes nothing. As root on a dom0 it can say all.')
    .addHelpText('after', `\n${STATUS}`)
    .action(async (_: unknown, command: Command) => {
      const { output } = contextOf(command);
      // Loaded here: it loads the addon and, on a dom0, Xen's libraries.
      const { diagnose, gather } = await import('../../libxl/doctor/index.js');
      const diagnosis = diagnose(await gather());
      const exit = exitCode(exitOf(diagnosis));
      output.result({ ...diagnosis, exit }, () => diagnosisSheet(diagnosis));
      process.exitCode = exit;
    });
}

const STATUS = `Exit status: 0 domains of Xen's can be migrated from here, ${exitCode('NO_XEN')} there is no Xen control domain here,
${exitCode('NOT_READY')} there is, and something that every migration needs is missing.`;

function exitOf({ backend, ready }: Diagnosis): 'OK' | 'NO_XEN' | 'NOT_READY' {
  if (backend === 'emulated') return 'NO_XEN';
  return ready ? 'OK' : 'NOT_READY';
}
