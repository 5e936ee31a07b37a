/**
 * The one place that touches a private field of Node's.
 *
 * `onread` lets the kernel write into buffers of ours, but Node takes it only when a socket is constructed, and
 * net.Server constructs accepted sockets itself. So the handle (a libuv TCP stream) of an accepted, still paused socket
 * is moved into a socket of our own. `_handle` and the constructor's `handle` option are undocumented and have been the
 * same from Node 0.10 to 24; should they go, this throws, and a test says so.
 */
import { type OnReadOpts, Socket, type SocketConstructorOpts } from 'node:net';

interface HandleOptions extends SocketConstructorOpts {
  onread: OnReadOpts;
  handle?: unknown;
}

/** @param accepted comes from a server with `pauseOnConnect`; it is empty afterwards. */
export function adoptAccepted(accepted: Socket, onread: OnReadOpts): Socket {
  const donor = accepted as unknown as { _handle: unknown };
  const handle = donor._handle;
  if (!handle) throw new Error('this version of Node does not expose the handle of an accepted socket');
  donor._handle = null;
  // The server counts its sockets; an empty one is closed at once, so that server.close() need not wait for it.
  accepted.destroy();
  const options: HandleOptions = { handle, onread, allowHalfOpen: true };
  return new Socket(options);
}
