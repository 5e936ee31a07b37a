/** The Xen backend: libxc and its like through FFI, on a dom0. Nothing is loaded before XenHypervisor.open(). */
export { AdoptedShell, XenDomain } from './domain.js';
export { XenHypervisor, type XenOptions } from './hypervisor.js';
export { hypercallBuffersOpen } from './libs/hypercall-buffer.js';
export { mappingsOpen } from './libs/xenforeignmemory.js';
export { pagingRoomsOpen } from './paging/rooms.js';
export type { Rings, ShellWiring } from './wiring.js';
