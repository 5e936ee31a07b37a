#!/usr/bin/env node
import { report } from './failure.js';
import { Output } from './output.js';
import { createProgram } from './program.js';

async function main(argv: readonly string[]): Promise<number> {
  try {
    await createProgram().parseAsync(argv);
    return 0;
  } catch (error) {
    // The command line may be what is wrong, so this does not wait for it to be parsed.
    return report(error, new Output(argv.includes('--json')));
  }
}

main(process.argv).then((code) => {
  // A command that has no error to tell may have set another status than 0 itself.
  if (code !== 0) process.exitCode = code;
});
