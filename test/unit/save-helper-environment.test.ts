import { EnvironmentError, readEnvironment } from '../../src/libxl/save-helper/environment.js';

test('without any of the variables the helper does as libxl-save-helper does', () => {
  expect(readEnvironment({ PATH: '/bin' })).toEqual({
    bandwidth: undefined,
    strategy: 'precopy',
    prepullWindow: 'adaptive',
    recordedSet: true,
    policy: undefined,
    downtimeBudgetMs: undefined,
    elideZeroPages: false,
    events: undefined,
  });
});

test('all of them', () => {
  const env = {
    XENFERRY_BANDWIDTH: '12500000',
    XENFERRY_STRATEGY: 'auto',
    XENFERRY_RETURN_PORT: '8002',
    XENFERRY_RETURN_ADDRESS: '10.0.0.1:99',
    XENFERRY_RETURN_SSH: 'ssh -p 2222 dom0-2',
    XENFERRY_PREPULL: '16',
    XENFERRY_RECORDED_SET: 'ignore',
    XENFERRY_POLICY: 'xen-4.1',
    XENFERRY_DOWNTIME_MS: '12.5',
    XENFERRY_ZERO_PAGES: 'skip',
    XENFERRY_EVENTS: '/run/events',
  };
  expect(readEnvironment(env)).toEqual({
    bandwidth: 12_500_000,
    strategy: 'auto',
    returnPort: 8002,
    returnAddress: '10.0.0.1:99',
    returnSsh: 'ssh -p 2222 dom0-2',
    prepullWindow: 16,
    recordedSet: false,
    policy: 'xen-4.1',
    downtimeBudgetMs: 12.5,
    elideZeroPages: true,
    events: '/run/events',
  });
});

test('an empty variable is none', () => {
  expect(readEnvironment({ XENFERRY_BANDWIDTH: '', XENFERRY_EVENTS: '' })).toMatchObject({
    bandwidth: undefined,
    events: undefined,
  });
});

test.each([
  ['XENFERRY_BANDWIDTH', '0'],
  ['XENFERRY_BANDWIDTH', '10M'],
  ['XENFERRY_BANDWIDTH', '-5'],
  ['XENFERRY_BANDWIDTH', '99999999999999999999'],
  ['XENFERRY_POLICY', 'fast'],
  ['XENFERRY_STRATEGY', 'TSMC'],
  ['XENFERRY_PREPULL', '-1'],
  ['XENFERRY_RECORDED_SET', 'perhaps'],
  ['XENFERRY_DOWNTIME_MS', '1e3'],
  ['XENFERRY_DOWNTIME_MS', '-1'],
  ['XENFERRY_ZERO_PAGES', 'yes'],
])('%s=%s is refused, with what it may be', (name, value) => {
  const read = () => readEnvironment({ [name]: value });
  expect(read).toThrow(EnvironmentError);
  expect(read).toThrow(`${name} is "${value}"`);
});
