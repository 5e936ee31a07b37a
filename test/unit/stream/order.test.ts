import { RecordType as T } from '../../../src/migrate/stream/format.js';
import { StreamOrder } from '../../../src/migrate/stream/index.js';

const accept = (types: readonly number[], guest: 'pv' | 'hvm', version: number): void => {
  const order = new StreamOrder(guest, version);
  types.forEach((type, i) => {
    order.accept(type, i);
  });
};

const { STATIC_DATA_END: STATIC, PAGE_DATA: PAGES, X86_PV_INFO: INFO, END } = T;

test.each<[string, number[], 'pv' | 'hvm', number]>([
  [
    'HVM, as Xen writes it',
    [T.X86_CPUID_POLICY, T.X86_MSR_POLICY, STATIC, PAGES, PAGES, T.X86_TSC_INFO, T.HVM_CONTEXT, T.HVM_PARAMS, END],
    'hvm',
    3,
  ],
  ['HVM, as the specification has it', [STATIC, PAGES, T.X86_TSC_INFO, T.HVM_PARAMS, T.HVM_CONTEXT, END], 'hvm', 3],
  [
    'PV',
    [
      INFO,
      T.X86_CPUID_POLICY,
      STATIC,
      T.X86_PV_P2M_FRAMES,
      PAGES,
      T.X86_TSC_INFO,
      T.SHARED_INFO,
      T.X86_PV_VCPU_BASIC,
      T.X86_PV_VCPU_MSRS,
      END,
    ],
    'pv',
    3,
  ],
  ['version 2', [INFO, T.X86_PV_P2M_FRAMES, PAGES, END], 'pv', 2],
  [
    'TSMC',
    [
      T.CAPABILITIES,
      STATIC,
      PAGES,
      T.EVICT_AHEAD,
      PAGES,
      T.EVICT_AHEAD,
      T.DIRTY_BITMAP,
      PAGES,
      T.HVM_CONTEXT,
      T.STAGE3,
      END,
    ],
    'hvm',
    3,
  ],
  ['auto that ended in precopy', [T.CAPABILITIES, STATIC, PAGES, T.HVM_CONTEXT, END], 'hvm', 3],
])('%s', (_, types, guest, version) => {
  expect(() => accept(types, guest, version)).not.toThrow();
});

/** Each sequence is good up to its last record. */
test.each<[string, number[], 'pv' | 'hvm', number]>([
  ['pages before the static data', [PAGES], 'hvm', 3],
  ['END before the static data', [END], 'hvm', 3],
  ['static data twice', [STATIC, STATIC], 'hvm', 3],
  ['a policy after the static data', [STATIC, T.X86_CPUID_POLICY], 'hvm', 3],
  ['PV_INFO after the static data', [STATIC, INFO], 'pv', 3],
  ['P2M_FRAMES before the end of the static data', [INFO, T.X86_PV_P2M_FRAMES], 'pv', 3],
  ['static data in version 2', [STATIC], 'hvm', 2],
  ['a policy in version 2', [T.X86_CPUID_POLICY], 'hvm', 2],
  ['P2M_FRAMES before PV_INFO', [STATIC, T.X86_PV_P2M_FRAMES], 'pv', 3],
  ['SHARED_INFO before PV_INFO', [STATIC, T.SHARED_INFO], 'pv', 3],
  ['PV_INFO twice', [INFO, INFO], 'pv', 3],
  ['a PV record for an HVM guest', [STATIC, T.X86_PV_VCPU_BASIC], 'hvm', 3],
  ['an HVM record for a PV guest', [STATIC, T.HVM_CONTEXT], 'pv', 3],
  ['END twice', [STATIC, END, END], 'hvm', 3],
  ['state after END', [STATIC, END, T.HVM_CONTEXT], 'hvm', 3],
  ['CAPABILITIES not first', [STATIC, T.CAPABILITIES], 'hvm', 3],
  ['CAPABILITIES not first in version 2', [PAGES, T.CAPABILITIES], 'hvm', 2],
  ['a bitmap without CAPABILITIES', [STATIC, T.DIRTY_BITMAP], 'hvm', 3],
  ['EVICT_AHEAD without CAPABILITIES', [STATIC, T.EVICT_AHEAD], 'hvm', 3],
  ['a second bitmap', [T.CAPABILITIES, STATIC, T.DIRTY_BITMAP, T.DIRTY_BITMAP], 'hvm', 3],
  ['EVICT_AHEAD after the bitmap', [T.CAPABILITIES, STATIC, T.DIRTY_BITMAP, T.EVICT_AHEAD], 'hvm', 3],
  ['STAGE3 without a bitmap', [T.CAPABILITIES, STATIC, T.STAGE3], 'hvm', 3],
  ['pages after STAGE3', [T.CAPABILITIES, STATIC, T.DIRTY_BITMAP, T.STAGE3, PAGES], 'hvm', 3],
])('%s is BAD_ORDER', (_, types, guest, version) => {
  expect(() => accept(types.slice(0, -1), guest, version)).not.toThrow();
  const at = types.length - 1;
  expect(() => accept(types, guest, version)).toThrow(expect.objectContaining({ code: 'BAD_ORDER', offset: at }));
});
