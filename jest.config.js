/** Tests run as compiled by tsc, so that what is tested is what ships, and worker threads load plain files. */
module.exports = {
  rootDir: 'dist/test',
  testMatch: ['**/*.test.js'],
  testEnvironment: 'node',
  transform: {},
  reporters: ['default', '<rootDir>/../../scripts/skip-reporter.js'],
  maxWorkers: 2,
  testTimeout: 120_000,
  // A test file that leaves a thread, a socket or a timer behind should be seen, not waited for.
  openHandlesTimeout: 2_000,
};
