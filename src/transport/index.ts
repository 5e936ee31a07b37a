/** Bytes between hosts: the connections of a migration ({@link Gate}, {@link GateDialer}), and stream files. */
export type { Channel } from '../migrate/io/channel.js';
export { BindRefusedError, type BindTerms, checkBind, isLoopback, isWildcard } from './bind.js';
export { GateDialer } from './dial.js';
export { FdChannel } from './fd.js';
export { FileSink, openFileSource } from './file.js';
export { Gate, type GateOptions } from './gate.js';
export { type DataPurpose, newTicket, type Ticket } from './preamble.js';
export { SocketChannel } from './socket-channel.js';
export { type Address, acceptTcp, connectTcp } from './tcp.js';
export { acceptTls, connectTls, loadTlsIdentity, type TlsFiles, type TlsIdentity } from './tls.js';
