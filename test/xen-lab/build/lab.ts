/** The lab as a whole: from nothing but apt to images that boot. */
import { FLAVOURS, type FlavourName, type Suite } from '../flavours.js';
import { LabError } from '../lab-error.js';
import { LAB_DIR } from '../paths.js';
import { BuildContext } from './context.js';
import { guestPart } from './guest.js';
import { imagePart } from './image.js';
import { initrdPart } from './initrd.js';
import { kernelPart } from './kernel.js';
import { keysPart } from './keys.js';
import { Layout } from './layout.js';
import { type BuildEvents, buildParts, type Part } from './part.js';
import { checkHost, installPrerequisites, thisHost } from './prerequisites.js';
import { rootPart } from './root.js';
import { Stamps } from './stamp.js';
import { xenPart } from './xen.js';

/** Four times what it takes on two cores; behind it a download hangs, or a command asks for something. */
const TIME_LIMIT_MIN = 20;

/** Builds what the flavours need and is not there yet; `signal` ends it. */
export async function buildLab(
  flavours: readonly FlavourName[],
  events: BuildEvents,
  signal?: AbortSignal,
): Promise<Layout> {
  checkHost(thisHost());
  const layout = new Layout(LAB_DIR);
  const late = new AbortController();
  const timer = setTimeout(() => late.abort(tooLate()), TIME_LIMIT_MIN * 60_000);
  const context = new BuildContext(layout, signal ? AbortSignal.any([signal, late.signal]) : late.signal);
  try {
    await installPrerequisites(context.commands('prerequisites'));
    await buildParts(partsOf(flavours, context), new Stamps(layout.stamps), events);
  } finally {
    clearTimeout(timer);
  }
  return layout;
}

function tooLate(): LabError {
  const remedy = `Look where it stands (${new Layout(LAB_DIR).log('*')}) and run it again: what was built stays.`;
  return new LabError(`the lab was not built in ${TIME_LIMIT_MIN} minutes`, remedy);
}

export function partsOf(flavours: readonly FlavourName[], context: BuildContext): Part[] {
  const suites = [...new Set<Suite>(flavours.map((name) => FLAVOURS[name].suite))];
  return [
    kernelPart(context),
    keysPart(context),
    guestPart(context),
    initrdPart(context),
    ...flavours.map((name) => xenPart(name, context)),
    ...suites.map((suite) => rootPart(suite, context)),
    ...suites.map((suite) => imagePart(suite, context)),
  ];
}
