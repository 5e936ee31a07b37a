/** The lab as a whole: from nothing but apt to images that boot. */
import { FLAVOURS, type FlavourName, type Suite } from '../flavours.js';
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

/** Builds what the flavours need and is not there yet; `signal` ends it. */
export async function buildLab(
  flavours: readonly FlavourName[],
  events: BuildEvents,
  signal?: AbortSignal,
): Promise<Layout> {
  checkHost(thisHost());
  const layout = new Layout(LAB_DIR);
  const context = new BuildContext(layout, signal);
  await installPrerequisites(context.commands('prerequisites'));
  await buildParts(partsOf(flavours, context), new Stamps(layout.stamps), events);
  return layout;
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
