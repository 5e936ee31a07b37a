import { connect } from 'node:net';
import { SOCKET } from './paths.js';

/** Whether a helper could be had at the socket; the one that answers goes on waiting. */
export function standsBy(socket = SOCKET): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = connect(socket);
    const tell = (answer: boolean): void => {
      connection.destroy();
      resolve(answer);
    };
    connection.once('connect', () => tell(true)).on('error', () => tell(false));
  });
}
