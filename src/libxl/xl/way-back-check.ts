import { MigrationError } from '../../migrate/errors.js';
import { Tunnel } from '../save-helper/tunnel.js';
import type { Obstacle } from './postcopy.js';

/** Nobody dials it here. */
const DISCARD = 9;

/** Whether the other host lets ssh listen there, as post-copy's way back will have to. undefined: it does, or need not. */
export async function wayBackObstacle(
  returnSsh: string | undefined,
  signal?: AbortSignal,
): Promise<Obstacle | undefined> {
  if (returnSsh === undefined) return undefined;
  try {
    await using _ = await Tunnel.open({ command: returnSsh, port: DISCARD, signal });
    return undefined;
  } catch (error) {
    if (!(error instanceof MigrationError)) throw error;
    return { problem: error.message, remedy: error.remedy };
  }
}
