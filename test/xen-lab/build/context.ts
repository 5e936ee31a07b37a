/** What every recipe is given. */
import { rmSync } from 'node:fs';
import type { Suite } from '../flavours.js';
import { Apt } from './apt.js';
import { type Command, commandsLoggedTo } from './command.js';
import type { Layout } from './layout.js';

export class BuildContext {
  private readonly apts = new Map<Suite, Apt>();

  constructor(
    readonly layout: Layout,
    private readonly signal?: AbortSignal,
  ) {}

  /** The commands of one part, with a log of their own that begins anew. */
  commands(part: string): Command {
    const log = this.layout.log(part);
    rmSync(log, { force: true });
    return commandsLoggedTo(log, this.signal);
  }

  apt(suite: Suite): Apt {
    const name = `apt-${suite}`;
    const apt = this.apts.get(suite) ?? new Apt(this.layout.at(name), suite, this.commands(name));
    this.apts.set(suite, apt);
    return apt;
  }
}
