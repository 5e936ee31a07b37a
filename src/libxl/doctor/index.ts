/** What can this machine do? */
export { type Diagnosis, diagnose } from './diagnosis.js';
export type { Facts } from './facts.js';
export type { Answer, Finding } from './finding.js';
export { gather } from './gather.js';
