import { type Outcome, play } from './support/scenario.js';

/** 50 in every test run; a thousand by `npm run scenarios`. */
const COUNT = Number(process.env.XENFERRY_SCENARIOS ?? 50);
const FROM = Number(process.env.XENFERRY_SCENARIOS_FROM ?? 1);

describe('random migrations in virtual time', () => {
  const outcomes = new Map<Outcome, number>();

  it.each(Array.from({ length: COUNT }, (_, i) => FROM + i))('seed %i ends unharmed', async (seed) => {
    const { outcome } = await play(seed);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  });

  it('the outcomes are of all kinds that matter', () => {
    if (COUNT > 50) console.log(Object.fromEntries(outcomes));
    if (COUNT < 50) return;
    for (const outcome of ['completed', 'source runs on', 'recovered']) expect([...outcomes.keys()]).toContain(outcome);
  });
});
