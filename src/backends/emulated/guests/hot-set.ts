import { FReg, Reg } from '../registers.js';
import { HEAP } from './layout.js';
import { pageGeneration, writePage } from './page.js';
import type { GuestProgram } from './program.js';
import { configureRegion, PAGE_US, PAGES } from './region.js';

/** Rewrites the same pages over and over, whole, at a steady rate: what precopy cannot catch up with. */
export interface HotSetSpec {
  readonly program: 'hot-set';
  readonly hotMB: number;
  /** Written a second by all vCPUs together; as fast as the machine goes if left out. */
  readonly rateMBps?: number;
}

const NEXT = Reg.VAR;
const GENERATION = Reg.VAR + 1;

export const hotSet: GuestProgram<HotSetSpec> = {
  id: 2,
  configure: ({ hotMB, rateMBps }, boot) => configureRegion({ regionMB: hotMB, rateMBps }, boot),
  step(cpu) {
    const { u32, words } = cpu;
    const page = u32[NEXT];
    const generation = u32[GENERATION];
    const at = cpu.write(HEAP + page);
    cpu.commit();
    if (generation > 0 && pageGeneration(words, at, page) !== generation - 1) cpu.f64[FReg.CORRUPT]++;
    writePage(words, at, page, generation);
    u32[NEXT] = page + 1 < u32[PAGES] ? page + 1 : 0;
    if (u32[NEXT] === 0) u32[GENERATION]++;
    cpu.takes(cpu.f64[PAGE_US]);
  },
};
