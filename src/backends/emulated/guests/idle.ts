import { FReg, Reg } from '../registers.js';
import { HEAP } from './layout.js';
import type { GuestProgram } from './program.js';

/** Nothing but a timer tick, which counts in one page. */
export interface IdleSpec {
  readonly program: 'idle';
  /** Milliseconds between ticks; default 10. */
  readonly tickMs?: number;
}

const TICK_US = FReg.PARAM;

export const idle: GuestProgram<IdleSpec> = {
  id: 1,
  configure(spec, { f64 }) {
    f64[TICK_US] = (spec.tickMs ?? 10) * 1000;
  },
  step(cpu) {
    const at = cpu.write(HEAP);
    cpu.commit();
    // The page began with other content, so the first tick sets the count.
    const ticks = cpu.u32[Reg.VAR]++;
    if (ticks > 0 && cpu.words[at] !== ticks) cpu.f64[FReg.CORRUPT]++;
    cpu.words[at] = ticks + 1;
    cpu.idles(cpu.f64[TICK_US]);
  },
};
