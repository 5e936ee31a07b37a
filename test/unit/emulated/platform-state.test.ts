import fc from 'fast-check';
import type { StateRecord } from '../../../src/backends/backend.js';
import type { EmulatedDomain } from '../../../src/backends/emulated/domain.js';
import { decodeContext, encodeContext } from '../../../src/backends/emulated/platform-state/hvm-context.js';
import { Reg, registersOf } from '../../../src/backends/emulated/registers.js';
import { closeHosts, code, openHost, stepped } from '../../support/emulated.js';
import { manualExecution } from '../../support/manual-execution.js';

afterAll(closeHosts);

const HVM_CONTEXT = 0x9;

/** All records of a suspended domain that has run. */
async function records(): Promise<StateRecord[]> {
  const { domain, execution } = await stepped({ vcpus: 2, guest: { program: 'zipf' } });
  execution.run(0, 100);
  execution.run(1, 50);
  await domain.suspend();
  return [...(await domain.state.saveStatic()), ...(await domain.state.save())];
}

async function shell(vcpus = 2, maxPages = 1024): Promise<EmulatedDomain> {
  const host = openHost({ execution: manualExecution().factory });
  return host.createShell({ name: 'shell', guestType: 'hvm', maxPages, vcpus });
}

test('what is saved is restored to the last bit', async () => {
  const saved = await records();
  const domain = await shell();
  for (const record of saved) expect(await domain.state.restore(record)).toBe(true);
  await domain.state.finish();
  expect((await domain.info()).paused).toBe(true);
  expect(domain.guestReport().vcpus.map(({ steps }) => steps)).toEqual([100, 50]);
  await domain.suspend();
  const again = await domain.state.save();
  expect(again.filter(({ type }) => type !== 0x8)).toEqual(
    saved.filter(({ type }) => type === HVM_CONTEXT || type === 0xa),
  );
});

test('bodies have the sizes that the stream’s specification gives', async () => {
  const sizes = new Map((await records()).map(({ type, body }) => [type, body.length]));
  expect(sizes.get(0x8)).toBe(24);
  expect(sizes.get(0xa)).toBe(8 + 2 * 16);
  expect((sizes.get(0x11) as number) % 24).toBe(0);
  expect((sizes.get(0x12) as number) % 16).toBe(0);
});

test('a restored guest counts one incarnation more', async () => {
  const saved = await records();
  const domain = await shell();
  for (const record of saved) await domain.state.restore(record);
  await domain.state.finish();
  await domain.suspend();
  const [tsc] = await domain.state.save();
  expect(new DataView(tsc.body.buffer, tsc.body.byteOffset).getUint32(16, true)).toBe(1);
});

test.each([
  ['more vCPUs', 3, 1024],
  ['fewer vCPUs', 1, 1024],
  ['less memory', 2, 1023],
])('a context for a domain with %s is refused', async (_what, vcpus, maxPages) => {
  const context = (await records()).find(({ type }) => type === HVM_CONTEXT) as StateRecord;
  const domain = await shell(vcpus, maxPages);
  await expect(domain.state.restore(context)).rejects.toEqual(code('BAD_STATE_RECORD'));
});

test('finish() without a context, restore() after finish(), unpause() before it: none is allowed', async () => {
  const domain = await shell();
  await expect(domain.state.finish()).rejects.toEqual(code('INVALID_STATE'));
  await expect(domain.unpause()).rejects.toEqual(code('INVALID_STATE'));
  const saved = await records();
  for (const record of saved) await domain.state.restore(record);
  await domain.state.finish();
  await expect(domain.state.restore(saved[0])).rejects.toEqual(code('INVALID_STATE'));
});

test.each([
  ['whose CR3 is the first gfn beyond memory', 'u32', Reg.CR3, 1024],
  ['with a register that is no number', 'f64', 0, Number.NaN],
  ['with a register below 0', 'f64', 0, -1],
] as const)('a whole context %s is refused', async (_what, registers, index, value) => {
  const saved = (await records()).find(({ type }) => type === HVM_CONTEXT) as StateRecord;
  const contexts = decodeContext(saved.body, 2, 1024);
  expect(decodeContext(encodeContext(contexts, 1024), 2, 1024)).toEqual(contexts);
  registersOf(contexts, 1)[registers][index] = value;
  expect(() => decodeContext(encodeContext(contexts, 1024), 2, 1024)).toThrow(/^vCPU 1/);
});

test('hostile bodies: any damage to any record is refused, and changes nothing', async () => {
  const saved = await records();
  const domain = await shell();
  const before = domain.core.machine.contexts.slice();
  const damage = fc.record({ which: fc.nat(), at: fc.nat(), bit: fc.nat(7), length: fc.nat(4000), cut: fc.boolean() });
  await fc.assert(
    fc.asyncProperty(damage, async ({ which, at, bit, length, cut }) => {
      const { type, body } = saved[which % saved.length];
      const bad = cut ? new Uint8Array(length) : body.slice();
      bad.set(body.subarray(0, bad.length));
      if (!cut) bad[at % bad.length] ^= 1 << bit;
      // Values in these two are the guest's business: a flipped bit is another value.
      if ((type === 0x8 || type === 0xa) && !cut) return;
      if (cut && length === body.length) return;
      await expect(domain.state.restore({ type, body: bad })).rejects.toEqual(code('BAD_STATE_RECORD'));
      expect(Buffer.compare(domain.core.machine.contexts, before)).toBe(0);
    }),
    { numRuns: 300 },
  );
});

test('a type that it does not know is not taken, nor one named like a property of every object', async () => {
  const domain = await shell();
  expect(await domain.state.restore({ type: 0x77, body: new Uint8Array(8) })).toBe(false);
});
