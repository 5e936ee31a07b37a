/** jest reporter: names every skipped test at the end, since a skip's name says what would make it run. */
module.exports = class SkipReporter {
  onRunComplete(_contexts, { testResults }) {
    const skipped = testResults.flatMap(({ testResults: tests }) => tests.filter(({ status }) => status === 'pending'));
    for (const { fullName } of skipped) process.stderr.write(`skipped: ${fullName}\n`);
  }
};
