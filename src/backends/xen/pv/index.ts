/** PV domains: 64-bit guests whose page tables name machine frames and who keep the table of their pages themselves. */
import type { Origin } from '../domain.js';
import { NoDemandPaging } from '../paging/index.js';
import type { Session } from '../session.js';
import { PvControl } from './control.js';
import { GuestFrames } from './frame-maps.js';
import { GuestMemory } from './guest-memory.js';
import { PvMemory } from './memory.js';
import { ShellFrames } from './shell-frames.js';
import { ShellMemory } from './shell-memory.js';
import { PvState } from './state.js';

export interface PvParts {
  readonly memory: PvMemory;
  readonly state: PvState;
  readonly paging: NoDemandPaging;
  /** Lets go what is mapped of the domain without anybody having asked for it, so that it can die. */
  release(): Promise<void>;
  /** Highest pfn that has a page, plus one, where the hypervisor cannot know: it looks into shared info, which a shell has not got yet. */
  nrGfns?(): number | undefined;
}

export function pvParts(session: Session, domid: number, origin: Origin): PvParts {
  const control = new PvControl(session, domid);
  return origin.shell ? shellParts(session, domid, control, origin) : guestParts(session, domid, control);
}

function guestParts(session: Session, domid: number, control: PvControl): PvParts {
  const frames = new GuestFrames(session, domid);
  const memory = new PvMemory(session, domid, new GuestMemory(session, domid, frames));
  return {
    memory,
    state: new PvState(session, domid, control, frames),
    paging: new NoDemandPaging(domid),
    release: () => frames.release(),
  };
}

function shellParts(session: Session, domid: number, control: PvControl, { wiring }: Origin): PvParts {
  const shell = new ShellFrames(session, domid, session.domain(domid).maxPages);
  const pages = new ShellMemory(session, domid, control, shell);
  const memory = new PvMemory(session, domid, pages);
  const guest = new GuestFrames(session, domid, () => shell.p2m);
  let finished = false;
  const state = new PvState(session, domid, control, guest, {
    frames: shell,
    wiring,
    finishPages: () => pages.finish(),
    finished: () => {
      finished = true;
      memory.become(new GuestMemory(session, domid, guest));
    },
  });
  const nrGfns = (): number | undefined => (finished ? undefined : shell.nrGfns);
  const release = async (): Promise<void> => void (await Promise.all([pages.release(), guest.release()]));
  return { memory, state, paging: new NoDemandPaging(domid), release, nrGfns };
}
