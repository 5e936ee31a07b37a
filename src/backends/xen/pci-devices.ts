/**
 * PCI devices of this host that a domain has been given, as libxl keeps them in xenstore (tools/libs/light/libxl_pci.c,
 * libxl_create_pci_backend_device): how many, and the address of each.
 */
import type { XenStore } from './libs/xenstore.js';

/** More than any domain has. */
const MOST_DEVICES = 256;
const ADDRESS = /^[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]$/;
/** Somebody has connected it, or means to; what stands there is not to be printed. */
const UNNAMED = 'one that xenstore does not name';

/** Addresses, as in 0000:03:00.0. */
export function pciDevices(store: Pick<XenStore, 'read'>, domid: number): string[] {
  const folder = `/local/domain/0/backend/pci/${domid}/0`;
  const count = store.read(`${folder}/num_devs`);
  if (count === undefined) return [];
  if (!/^\d{1,3}$/.test(count) || Number(count) > MOST_DEVICES) return [UNNAMED];
  const addresses = Array.from({ length: Number(count) }, (_, i) => store.read(`${folder}/dev-${i}`) ?? '');
  return addresses.map((address) => (ADDRESS.test(address) ? address : UNNAMED));
}
