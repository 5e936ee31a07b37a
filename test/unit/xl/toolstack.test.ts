import { assertMovable, assertShadow } from '../../../src/libxl/xl/preflight.js';
import { parseCondition, parseDomain, parseInfo } from '../../../src/libxl/xl/toolstack.js';

/** As xl 4.17 printed it. */
function listing(config: object): string {
  return `${JSON.stringify([{ domid: 3, config }], undefined, 4)}\n\n`;
}

const PVH = { c_info: { type: 'pvh', name: 'web', domid: 4294967295, uuid: 'x' }, b_info: { max_vcpus: 1 } };

test('xl list -l gives name, domid and kind', () => {
  expect(parseDomain(listing(PVH))).toEqual({ domid: 3, name: 'web', type: 'pvh', pciDevices: [] });
});

test('PCI devices are named as Linux does; libxl leaves out what is 0', () => {
  const pcidevs = [
    { bus: 3, rdm_policy: 'relaxed' },
    { domain: 1, bus: 0xa0, dev: 0x1f, func: 7 },
  ];
  const domain = parseDomain(listing({ ...PVH, pcidevs }));
  expect(domain?.pciDevices).toEqual(['0000:03:00.0', '0001:a0:1f.7']);
});

test.each([
  ['', 'nothing'],
  ['[]', 'no domain'],
  ['[{"domid":0,"config":null}]', 'a domain without configuration'],
  ['[{"domid":0,"config":{"c_info":{"type":"pv"}}}]', 'a domain without a name'],
  ['[{"domid":"0","config":{"c_info":{"type":"pv","name":"x"}}}]', 'a domid that is no number'],
  ['{"domid":1}', 'no list'],
])('%s is %s', (text) => {
  expect(parseDomain(text)).toBeUndefined();
});

const HEAD = 'Name                                        ID   Mem VCPUs\tState\tTime(s)\n';
const row = (name: string, state: string): string =>
  `${HEAD}${name.padEnd(40)}   12   256     1     ${state}     117.3\n`;

test.each([
  ['r-----', 'runs'],
  ['-b----', 'runs'],
  ['------', 'runs'],
  ['--p---', 'paused'],
  ['---s--', 'suspended'],
  ['--ps--', 'suspended'],
  ['----c-', 'suspended'],
  ['-----d', 'suspended'],
])('state %s: %s', (state, condition) => {
  expect(parseCondition(row('web', state), 12)).toBe(condition);
});

test('a domain that is not in the list is gone, whatever its name looks like', () => {
  expect(parseCondition(row('web', '-b----'), 13)).toBe('gone');
  expect(parseCondition(row('a 13 1 1 r----- 1.0', '--p---'), 12)).toBe('paused');
  expect(parseCondition(HEAD, 12)).toBe('gone');
});

const INFO =
  'host                   : (none)\nvirt_caps              : pv hvm hap gnttab-v1\nxen_changeset          : \n';

test('xl info is read by name', () => {
  expect([...parseInfo(INFO)]).toEqual([
    ['host', '(none)'],
    ['virt_caps', 'pv hvm hap gnttab-v1'],
    ['xen_changeset', ''],
  ]);
});

test('a domain with PCI devices is refused, and the remedy names the first', () => {
  const domain = { domid: 3, name: 'web', type: 'hvm', pciDevices: ['0000:03:00.0'] } as const;
  expect(() => assertMovable(domain)).toThrow(
    expect.objectContaining({ code: 'PCI_DEVICES', remedy: expect.stringContaining('xl pci-detach web 0000:03:00.0') }),
  );
  expect(() => assertMovable({ ...domain, pciDevices: [] })).not.toThrow();
});

test('dom0 stays', () => {
  const dom0 = { domid: 0, name: 'Domain-0', type: 'pv', pciDevices: [] } as const;
  expect(() => assertMovable(dom0)).toThrow(expect.objectContaining({ code: 'NOT_SUPPORTED' }));
});

test('a PV domain needs a Xen with shadow paging; one that does not say is tried', () => {
  const domain = { domid: 3, name: 'old', type: 'pv', pciDevices: [] } as const;
  expect(() => assertShadow(domain, parseInfo(INFO))).toThrow(
    expect.objectContaining({ code: 'NOT_SUPPORTED', remedy: expect.stringContaining('CONFIG_SHADOW_PAGING=y') }),
  );
  expect(() => assertShadow(domain, new Map([['virt_caps', 'pv hvm hap shadow']]))).not.toThrow();
  expect(() => assertShadow(domain, new Map())).not.toThrow();
});
