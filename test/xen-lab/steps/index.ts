/** Everything that `npm run test:xen` looks at, in the order in which a boot's steps run. */
import type { Step } from '../run/step.js';
import { backAndForthStep } from './back-and-forth.js';
import { badThingsSteps } from './bad-things.js';
import { conformanceSteps } from './conformance.js';
import { doctorSteps } from './doctor.js';
import { pairingSteps } from './pairings.js';
import { saveRestoreSteps } from './save-restore.js';
import { sideBySideSteps } from './side-by-side.js';
import { tsmcSteps } from './tsmc.js';
import { tsmcBesidePrecopyStep } from './tsmc-beside-precopy.js';
import { tsmcFailureSteps } from './tsmc-failures.js';
import { tsmcRefusedSteps } from './tsmc-refused.js';
import { tsmcTwoHostSteps } from './tsmc-two-hosts.js';
import { twoHostSteps } from './two-hosts.js';

export const STEPS: readonly Step[] = [
  ...doctorSteps,
  ...pairingSteps,
  ...saveRestoreSteps,
  ...badThingsSteps,
  ...sideBySideSteps,
  backAndForthStep,
  ...tsmcSteps,
  tsmcBesidePrecopyStep,
  ...tsmcFailureSteps,
  ...tsmcRefusedSteps,
  ...twoHostSteps,
  ...tsmcTwoHostSteps,
  ...conformanceSteps,
];
