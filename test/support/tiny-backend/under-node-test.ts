/** What an author of a backend writes: the suite under Node's own runner. Shown in docs/backend-authors.md. */
import test from 'node:test';
import { conformance } from '../../conformance/index.js';
import { TINY_CAPABILITIES } from './backend.js';
import { TINY_LACKS, tinyFixture } from './fixture.js';

conformance({
  test,
  factory: tinyFixture,
  capabilities: TINY_CAPABILITIES,
  lacks: TINY_LACKS,
});
