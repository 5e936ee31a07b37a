import { pciDevices } from '../../../src/backends/xen/pci-devices.js';

const FOLDER = '/local/domain/0/backend/pci/5/0';
const UNNAMED = 'one that xenstore does not name';

/** Of domain 5, where xenstore holds these keys of its PCI backend. */
function devices(keys: Readonly<Record<string, string>>): string[] {
  const read = (path: string): string | undefined =>
    path.startsWith(`${FOLDER}/`) ? keys[path.slice(FOLDER.length + 1)] : undefined;
  return pciDevices({ read }, 5);
}

test('a domain without a PCI backend, or without a device in it, has none', () => {
  expect(devices({})).toEqual([]);
  expect(devices({ num_devs: '0', 'dev-0': '0000:03:00.0' })).toEqual([]);
});

test('devices are named by their addresses, and no more than there are', () => {
  const keys = { 'dev-0': '0000:03:00.0', 'dev-1': '10000:e1:1f.7', 'dev-2': '0000:04:00.0' };
  expect(devices({ num_devs: '2', ...keys })).toEqual(['0000:03:00.0', '10000:e1:1f.7']);
});

test.each(['', 'x', '-1', '1e3', '257', '99999999999', '2\n'])(
  '%j is no number of devices, but there is one',
  (num_devs) => {
    expect(devices({ num_devs, 'dev-0': '0000:03:00.0' })).toEqual([UNNAMED]);
  },
);

test.each(['', '0000:03:00.8', '0000:03:00.0 ', '$(reboot)', '0000:03:00.0\u001b[2J', 'f'.repeat(4096)])(
  '%j is no address, and is not told on',
  (address) => {
    expect(devices({ num_devs: '2', 'dev-0': '0000:03:00.0', 'dev-1': address })).toEqual(['0000:03:00.0', UNNAMED]);
    expect(devices({ num_devs: '1' })).toEqual([UNNAMED]);
  },
);
