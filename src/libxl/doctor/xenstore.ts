import { connect } from 'node:net';

const SOCKET = '/run/xenstored/socket';
const PATIENCE_MS = 2000;

/** Whether xenstored takes connections; undefined where it has no socket in this domain. */
export function xenstoreAnswers(path = SOCKET): Promise<boolean | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ path, timeout: PATIENCE_MS });
    const answer = (is: boolean | undefined): void => {
      socket.destroy();
      resolve(is);
    };
    socket.once('connect', () => answer(true));
    socket.once('timeout', () => answer(false));
    socket.once('error', ({ code }: NodeJS.ErrnoException) => answer(code === 'ENOENT' ? undefined : false));
  });
}
