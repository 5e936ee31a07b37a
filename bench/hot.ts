/** The demonstration's domain, moved to and fro by TSMC over its link. */
import { setTimeout as sleep } from 'node:timers/promises';
import { HostProcess } from '../src/cli/demo/host-process.js';
import { move } from '../src/cli/demo/move.js';
import { guestOf, type Scenario } from '../src/cli/demo/scenario.js';
import type { MigrationReport } from '../src/migrate/report.js';

const DOMAIN = 'hot';
/** Between two runs, so that the guest is in its stride again. */
const REST_MS = 300;

export async function measureHot(scenario: Scenario, runs: number): Promise<MigrationReport[]> {
  const { memoryBytes, bandwidth } = scenario;
  await using left = await HostProcess.start({ name: 'left', memoryBytes });
  await using right = await HostProcess.start({ name: 'right', memoryBytes });
  await left.client.create({ config: { name: DOMAIN, ...guestOf(scenario) } });
  const reports: MigrationReport[] = [];
  for (let run = 0; run < runs; run++) {
    await sleep(REST_MS);
    const [from, to] = run % 2 === 0 ? [left, right] : [right, left];
    reports.push(await move({ domain: DOMAIN, from, to, request: { strategy: 'tsmc', bandwidth } }));
  }
  return reports;
}
