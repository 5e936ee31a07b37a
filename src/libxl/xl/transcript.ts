/**
 * What `xl migrate` says on stderr, its own lines and those of the receiver. The texts have been the same since xl was written
 * (tools/xl/xl_migrate.c); they are the only way in which xl tells where the domain is.
 */

/** How far the migration has come. */
export type XlStage =
  /** Connecting to the receiver: nothing has been touched. */
  | 'connecting'
  /** The save helper is, or is about to be, at work. */
  | 'sending'
  /** The receiver has it all, and xl has given, or is about to give, the permission to start it. */
  | 'handover'
  /** It runs at the receiver. */
  | 'started';

/** How it ended, as xl says. */
export type XlEnding =
  | 'completed'
  /** The domain was resumed at the sender, or tried to be. */
  | 'resumed'
  /** The guest did not suspend. */
  | 'not-suspended'
  /** The receiver could not start it and gave it back. */
  | 'given-back'
  /** Broken off between permission and answer: "domain state is now undefined". */
  | 'undefined';

const STAGES: readonly (readonly [RegExp, XlStage])[] = [
  [/^Saving to migration stream/, 'sending'],
  [/^migration sender: Target has acknowledged transfer/, 'handover'],
  [/^migration sender: Target reports successful startup/, 'started'],
];

const ENDINGS: readonly (readonly [RegExp, XlEnding])[] = [
  [/^Migration successful/, 'completed'],
  [/^Migration failed, resuming at sender/, 'resumed'],
  [/^Migration failed, failed to suspend at sender/, 'not-suspended'],
  [/^Migration failed due to problems at target/, 'given-back'],
  [/Migration failed during final handshake/, 'undefined'],
];

/** Of a wordy xl only so much is kept. */
const LINES_KEPT = 200;
/** So many lines say what went wrong. */
const COMPLAINTS_TOLD = 3;
const COMPLAINT =
  /\b(error|failed|refused|denied|cannot|can't|no such|not found|unable|timed out|timeout|closed by)\b/i;
/** Said after every failure: they tell nothing of its cause. */
const CONSEQUENCE =
  /libxl_domain_suspend failed|Migration failed|Domain creation failed|migration transport process|exited with error status|The save of domain \d+ failed|did not respond to suspend request|not suspended: \(shutdown|xc_domain_resume failed|contained unexpected data/;

export class Transcript {
  stage: XlStage = 'connecting';
  ending: XlEnding | undefined;
  /** It said so; but it does as well when the stream ends before its time. */
  receiverFailed = false;
  private readonly lines: string[] = [];

  add(raw: string): void {
    const line = raw.replace(/\r/g, '').trimEnd();
    this.stage = STAGES.find(([pattern]) => pattern.test(line))?.[1] ?? this.stage;
    this.ending = ENDINGS.find(([pattern]) => pattern.test(line))?.[1] ?? this.ending;
    this.receiverFailed ||= /^migration target: (Domain creation failed|Failure)/.test(line);
    this.lines.push(line);
    if (this.lines.length > LINES_KEPT) this.lines.shift();
  }

  /** The lines that are most likely to say why it failed; the last ones where none looks like it. */
  why(): string {
    const complaints = this.lines.filter((line) => COMPLAINT.test(line) && !CONSEQUENCE.test(line));
    const telling = complaints.length > 0 ? complaints.slice(0, COMPLAINTS_TOLD) : this.lines.slice(-1);
    return telling.join('; ') || 'xl did not say why';
  }
}
