/** Save helpers that wait for libxl. */

export { standbyOps } from './ops.js';
export { SOCKET } from './paths.js';
export { Standby, type StandbyEvent, type StandbyOptions } from './standby.js';
export { standsBy } from './stands-by.js';
