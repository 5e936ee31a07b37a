/** Migration by xl on a dom0. */
export { type CommandReceiver, type MigrateCommand, returnSsh, type SshReceiver } from './command.js';
export { isControlDomain } from './control-domain.js';
export { XL_ERROR_CODES, XlError, type XlErrorCode } from './errors.js';
export { OWN_HELPER } from './helper-path.js';
export { type CancelResult, XlMigration, type XlMigrationOptions } from './migration.js';
export { type Cleared, type Plan, preflight } from './preflight.js';
export type { XlDomain } from './toolstack.js';
