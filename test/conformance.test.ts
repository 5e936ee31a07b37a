/** The conformance suite on the emulated backend: both drivers, both paging modes. */
import { conformance } from './conformance/index.js';
import { liveFactory, virtualFactory } from './support/emulated-fixture.js';

describe('live', () => conformance({ test, describe, factory: liveFactory }));
describe('virtual time', () => conformance({ test, describe, factory: virtualFactory() }));
