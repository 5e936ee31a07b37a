/** The suite on the smallest backend: where capabilities are false, and without the emulated backend's machinery. */
import { conformance } from './conformance/index.js';
import { TINY_CAPABILITIES } from './support/tiny-backend/backend.js';
import { TINY_LACKS, tinyFixture } from './support/tiny-backend/fixture.js';

conformance({ test, describe, factory: tinyFixture, capabilities: TINY_CAPABILITIES, lacks: TINY_LACKS });
