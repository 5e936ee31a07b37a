/** A prefix of a command line: its program dies when this process does, even where that had no time for it. */
export const IN_CASE_WE_DIE = ['setpriv', '--pdeathsig', 'KILL', '--'];
