import { LeftOpen } from '../../xen-lab/conformance/left-open.js';
import type { Outcome } from '../../xen-lab/conformance/report.js';

const OK: Outcome = { kind: 'ok', seconds: 1 };
const PATIENCE_MS = 100;

/** `open` may be changed as tests do. */
function counted(open: { mappings: number; buffers: number }): LeftOpen {
  return new LeftOpen({ mappings: () => open.mappings, buffers: () => open.buffers }, PATIENCE_MS);
}

test('a test that leaves what it found is judged as it was', async () => {
  const open = { mappings: 2, buffers: 0 };
  const left = counted(open);
  expect(await left.judge(OK)).toEqual(OK);
  open.mappings = 0;
  expect(await left.judge(OK)).toEqual(OK);
});

test('a test that leaves more has failed, and the one behind it has not', async () => {
  const open = { mappings: 0, buffers: 0 };
  const left = counted(open);
  open.mappings = 3;
  open.buffers = 1;
  expect(await left.judge(OK)).toEqual({ kind: 'FAIL', seconds: 1, why: 'it leaves open: mappings: 3, buffers: 1' });
  expect(await left.judge(OK)).toEqual(OK);
  open.mappings = 4;
  expect(await left.judge(OK)).toMatchObject({ kind: 'FAIL', why: 'it leaves open: mappings: 1' });
});

test('a failure keeps its own reason', async () => {
  const open = { mappings: 0, buffers: 0 };
  const left = counted(open);
  open.buffers = 1;
  const { why } = await left.judge({ kind: 'FAIL', seconds: 1, why: 'it is wrong' });
  expect(why).toBe('it is wrong\nit leaves open: buffers: 1');
});

test('what is let go a moment later is not left', async () => {
  const open = { mappings: 0, buffers: 0 };
  const left = counted(open);
  open.mappings = 1;
  setTimeout(() => {
    open.mappings = 0;
  }, PATIENCE_MS / 4);
  expect(await left.judge(OK)).toEqual(OK);
});
