/** The conformance suite on the emulated backend in real time, a thread a vCPU, in both paging modes. */
import { conformance } from './conformance/index.js';
import { liveFactory } from './support/emulated-fixture.js';

conformance({ test, describe, factory: liveFactory });
