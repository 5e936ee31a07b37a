/** The conformance suite on the emulated backend in virtual time, in both paging modes. */
import { conformance } from './conformance/index.js';
import { virtualFactory } from './support/emulated-fixture.js';

conformance({ test, describe, factory: virtualFactory() });
