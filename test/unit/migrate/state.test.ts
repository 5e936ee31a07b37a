import type { MigrationState } from '../../../src/migrate/index.js';
import { assertTransition, IllegalTransition, isHandedOver } from '../../../src/migrate/state.js';

const STATES: MigrationState[] = [
  'setup',
  'stage1',
  'stopped',
  'handover',
  'stage3',
  'broken',
  'completed',
  'cancelled',
  'failed',
];

function allowed(from: MigrationState, to: MigrationState): boolean {
  try {
    assertTransition(from, to);
    return true;
  } catch (error) {
    expect(error).toBeInstanceOf(IllegalTransition);
    return false;
  }
}

it('nothing follows an end', () => {
  for (const end of ['completed', 'cancelled', 'failed'] as const) {
    expect(STATES.filter((to) => allowed(end, to))).toEqual([]);
  }
});

it('no state after the handover can be cancelled', () => {
  for (const from of STATES.filter(isHandedOver)) expect(allowed(from, 'cancelled')).toBe(false);
});

it('every state before the handover can be cancelled and can fail', () => {
  for (const from of ['setup', 'stage1', 'stopped'] as const) {
    expect(allowed(from, 'cancelled')).toBe(true);
    expect(allowed(from, 'failed')).toBe(true);
  }
});

it('stage 3 is reached through the handover only', () => {
  expect(STATES.filter((from) => allowed(from, 'stage3'))).toEqual(['handover', 'broken']);
});
