/** The texts are those that xl 4.17 wrote in a dom0. */
import { type Ended, migrationFailed } from '../../../src/libxl/xl/failure.js';
import { Transcript } from '../../../src/libxl/xl/transcript.js';

const GOOD = `migration target: Ready to receive domain.
Saving to migration stream new xl format (info 0x3/0x0/826)
Loading new save file <incoming migration stream> (new xl fmt info 0x3/0x0/826)
 Savefile contains xl domain config in JSON format
Parsing config from <saved>
xc: info: Saving domain 1, type x86 HVM
xc: info: Found x86 HVM domain from Xen 4.17
xc: info: Restore successful
migration target: Transfer complete, requesting permission to start domain.
migration sender: Target has acknowledged transfer.
migration sender: Giving target permission to start.
migration target: Domain started successsfully.
migration sender: Target reports successful startup.
Migration successful.`;

const SOURCE_FAILED = `migration target: Ready to receive domain.
Saving to migration stream new xl format (info 0x3/0x0/826)
xc: info: Saving domain 1, type x86 HVM
xc: error: Mapping of pfn 0x16c00 (mfn 0x16c00) failed -22: Internal error
libxl: error: libxl_exec.c:127:libxl_report_child_exitstatus: domain 1 save/restore helper [752] died due to fatal signal Segmentation fault
migration sender: libxl_domain_suspend failed (rc=-3)
migration target: Domain creation failed (code -3).
libxl: info: libxl_exec.c:117:libxl_report_child_exitstatus: migration transport process [749] exited with error status 1
Migration failed, resuming at sender.
xc: error: Dom 1 not suspended: (shutdown 0, reason 255): Internal error
libxl: error: libxl_dom_suspend.c:666:domain_resume_done: Domain 1:xc_domain_resume failed: Invalid argument`;

const NO_BANNER =
  'libxl: error: libxl_utils.c:505:libxl_read_exactly: file/stream truncated reading banner from migration receiver stream';

function transcriptOf(text: string): Transcript {
  const transcript = new Transcript();
  for (const line of text.split('\n')) transcript.add(line);
  return transcript;
}

const until = (line: string): string => GOOD.slice(0, GOOD.indexOf(line) + line.length);

test.each([
  ['migration target: Ready to receive domain.', 'connecting'],
  ['Saving to migration stream', 'sending'],
  ['requesting permission to start domain.', 'sending'],
  ['Target has acknowledged transfer.', 'handover'],
  ['migration target: Domain started successsfully.', 'handover'],
  ['Target reports successful startup.', 'started'],
])('at "%s": %s', (line, stage) => {
  expect(transcriptOf(until(line))).toMatchObject({ stage, ending: undefined });
});

test.each([
  [GOOD, 'completed'],
  [SOURCE_FAILED, 'resumed'],
  ['Migration failed, failed to suspend at sender.', 'not-suspended'],
  ['Migration failed due to problems at target.', 'given-back'],
  ['** Migration failed during final handshake **', 'undefined'],
])('an end', (text, ending) => {
  expect(transcriptOf(text).ending).toBe(ending);
});

test('the reason is what went wrong, not what followed from it', () => {
  const why = transcriptOf(SOURCE_FAILED).why();
  expect(why).toMatch(/^xc: error: Mapping of pfn/);
  expect(why).not.toMatch(/not suspended|rc=-3|code -3|exited with/);
  expect(transcriptOf('').why()).toBe('xl did not say why');
});

test('a receiver that says no end of things costs no memory', () => {
  const transcript = new Transcript();
  for (let n = 0; n < 10_000; n++) transcript.add(`chatter ${n}`);
  expect(transcript.why()).toBe('chatter 9999');
});

const domain = { domid: 1, name: 'web', type: 'pvh', pciDevices: [] } as const;
function failed(text: string, more: Partial<Ended> = {}): unknown {
  const transcript = transcriptOf(text);
  return migrationFailed({
    ...{ domain, host: 'b', transcript, failure: undefined, cancelled: false, condition: 'runs' as const },
    ...more,
  });
}

test.each<[string, string, Partial<Ended>, object]>([
  ['no receiver', NO_BANNER, {}, { code: 'DESTINATION_FAILED', survivor: 'source' }],
  ['a broken stream', SOURCE_FAILED, {}, { code: 'STREAM_FAILED', survivor: 'source' }],
  [
    'a guest that does not suspend',
    'Saving to migration stream\nMigration failed, failed to suspend at sender.',
    {},
    { code: 'SOURCE_FAILED', survivor: 'source' },
  ],
  [
    'a receiver that cannot start it',
    'Migration failed due to problems at target.',
    {},
    { code: 'DESTINATION_FAILED', survivor: 'source' },
  ],
  [
    'a domain that was not resumed',
    SOURCE_FAILED,
    { condition: 'suspended' },
    { code: 'RESUME_FAILED', survivor: 'none' },
  ],
  ['a domain that is gone', SOURCE_FAILED, { condition: 'gone' }, { code: 'HANDOVER_UNKNOWN', survivor: 'unknown' }],
  [
    'xl that ended in the handover',
    until('Giving target permission to start.'),
    {},
    { code: 'HANDOVER_UNKNOWN', survivor: 'unknown' },
  ],
  [
    'a broken handshake',
    `${until('Giving target permission to start.')}\n** Migration failed during final handshake **`,
    { condition: 'suspended' },
    { code: 'HANDOVER_UNKNOWN', survivor: 'unknown' },
  ],
  ['a cancel', SOURCE_FAILED, { cancelled: true }, { code: 'CANCELLED', survivor: 'source' }],
  ['a cancel before it began', '', { cancelled: true }, { code: 'CANCELLED', survivor: 'source' }],
  [
    'a cancel after which it was not resumed',
    SOURCE_FAILED,
    { cancelled: true, condition: 'suspended' },
    { code: 'RESUME_FAILED', survivor: 'none' },
  ],
])('%s', (_, text, more, error) => {
  expect(failed(text, more)).toMatchObject({ ...error, remedy: expect.stringMatching(/.{10}/) });
});

test("our helper's own reason and remedy come before xl's", () => {
  const failure = { code: 'NOT_SUPPORTED', message: 'this Xen has no shadow paging', remedy: 'rebuild it' };
  expect(failed(SOURCE_FAILED, { failure })).toMatchObject({
    code: 'SOURCE_FAILED',
    message: 'the migration of domain web to b failed: this Xen has no shadow paging (NOT_SUPPORTED); it runs on here',
    remedy: 'rebuild it',
  });
});

const BROKEN = { code: 'STREAM_FAILED', message: 'the migration of domain 4 failed: EPIPE; it runs on here' };
const RECEIVER_FAILED = `Saving to migration stream new xl format (info 0x3/0x0/826)
xenferry: error: The restore of domain 5 failed (NO_MEMORY): no room for it
migration target: Domain creation failed (code -3).
xenferry: error: The save of domain 4 failed (STREAM_FAILED): EPIPE
libxl: error: libxl_stream_write.c:347:libxl__xc_domain_save_done: Domain 4:saving domain: domain did not respond to suspend request: Broken pipe
Migration failed, failed to suspend at sender.`;

test('of a broken stream the receiver knows why', () => {
  expect(failed(RECEIVER_FAILED, { failure: BROKEN })).toMatchObject({
    code: 'DESTINATION_FAILED',
    message: expect.stringMatching(
      /failed: xenferry: error: The restore of domain 5 failed \(NO_MEMORY\)[^;]*; it runs on here$/,
    ),
  });
});

test('a stream that broke by itself', () => {
  const text =
    'Saving to migration stream\nConnection to b closed by remote host.\nMigration failed, failed to suspend at sender.';
  expect(failed(text, { failure: BROKEN })).toMatchObject({
    code: 'STREAM_FAILED',
    message: 'the migration of domain web to b failed: Connection to b closed by remote host.; it runs on here',
  });
});
