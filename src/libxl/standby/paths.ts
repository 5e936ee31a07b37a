import { join } from 'node:path';

/** Where the launcher looks for a helper, unless XENFERRY_STANDBY names another place (native/standby/launcher.cc). */
export const SOCKET = '/run/xenferry/save-helper.sock';

/** The helper as a program for Node. */
export const HELPER = join(__dirname, '..', 'save-helper', 'main.js');
