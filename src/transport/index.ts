export type { Channel } from '../migrate/io/channel.js';
export { BindRefusedError, type BindTerms, checkBind, isLoopback, isWildcard } from './bind.js';
export { GateDialer } from './dial.js';
export { FdChannel } from './fd.js';
export { FileSink, openFileSource } from './file.js';
export { Gate, type GateOptions } from './gate.js';
export { type DataPurpose, newTicket, type Ticket } from './preamble.js';
export { type Address, acceptTcp, connectTcp, TcpChannel } from './tcp.js';
export { acceptTls, connectTls, loadTlsIdentity, TlsChannel, type TlsFiles, type TlsIdentity } from './tls.js';
