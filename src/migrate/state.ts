import type { MigrationState } from './report.js';

/** Which state may follow which; the diagram stands at MigrationState. */
const TRANSITIONS: Readonly<Record<MigrationState, readonly MigrationState[]>> = {
  setup: ['stage1', 'cancelled', 'failed'],
  stage1: ['stopped', 'cancelled', 'failed'],
  stopped: ['handover', 'completed', 'cancelled', 'failed'],
  handover: ['stage3', 'completed', 'failed'],
  stage3: ['broken', 'completed', 'failed'],
  broken: ['stage3', 'completed', 'failed'],
  completed: [],
  cancelled: [],
  failed: [],
};

/** A migration took a step that its state does not allow: a bug in the engine, never a condition outside. */
export class IllegalTransition extends Error {
  override readonly name = 'IllegalTransition';
}

export function assertTransition(from: MigrationState, to: MigrationState): void {
  if (!TRANSITIONS[from].includes(to)) throw new IllegalTransition(`a migration cannot go from ${from} to ${to}`);
}

/** After this the source never runs again. */
export function isHandedOver(state: MigrationState): boolean {
  return state === 'handover' || state === 'stage3' || state === 'broken';
}
