/** Packages of one Debian release, fetched by apt into folders of the lab's own; the host's apt sources stay as they are. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Suite } from '../flavours.js';
import type { Command } from './command.js';
import { digestOfPath } from './stamp.js';

const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
const DEFAULT_MIRROR = 'http://deb.debian.org/debian';
const SECURITY_MIRROR = 'http://deb.debian.org/debian-security';

/** For the inputs of a part that takes a package as it is. */
export const APT_RECIPE = digestOfPath(__filename);

export class Apt {
  private readonly options: string[];
  private updated: Promise<void> | undefined;

  /** @param dir the lab's folder for this release's package lists */
  constructor(
    readonly dir: string,
    private readonly suite: Suite,
    private readonly command: Command,
  ) {
    const settings = {
      'Dir::Etc::sourcelist': join(dir, 'sources.list'),
      'Dir::Etc::sourceparts': '-',
      'Dir::State::lists': join(dir, 'lists'),
      'Dir::State::status': '/dev/null',
      'Dir::Cache': join(dir, 'cache'),
      // It would warn, of files that belong to root, that its own user cannot write them.
      'APT::Sandbox::User': 'root',
    };
    this.options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  }

  /** The package that a package without content of its own, such as linux-image-amd64, stands for. */
  async dependencyOf(name: string): Promise<string> {
    await this.update();
    const depends = await this.command('apt-cache', [...this.options, 'depends', name]);
    const first = /Depends: (\S+)/.exec(depends.toString());
    if (first === null) throw new Error(`${name} depends on nothing in ${this.suite}`);
    return first[1];
  }

  /** Unpacks binary packages, without their scripts, into `into`. */
  async unpack(names: readonly string[], into: string): Promise<void> {
    await this.update();
    const debs = join(into, '.debs');
    mkdirSync(debs, { recursive: true });
    await this.command('apt-get', [...this.options, 'download', '-qq', ...names], { cwd: debs });
    for (const deb of readdirSync(debs)) await this.command('dpkg-deb', ['-x', join(debs, deb), into]);
  }

  /** Unpacks a source package, with Debian's patches, into a folder under `into`; returns that folder. */
  async source(name: string, into: string): Promise<string> {
    await this.update();
    mkdirSync(into, { recursive: true });
    await this.command('apt-get', [...this.options, 'source', '-qq', name], { cwd: into });
    const folder = readdirSync(into, { withFileTypes: true }).find((entry) => entry.isDirectory());
    if (folder === undefined) throw new Error(`the source package ${name} made no folder`);
    return join(into, folder.name);
  }

  /** Fetches the release's package lists, once. */
  private update(): Promise<void> {
    this.updated ??= this.fetchLists();
    return this.updated;
  }

  private async fetchLists(): Promise<void> {
    for (const folder of ['lists/partial', 'cache/archives/partial'])
      mkdirSync(join(this.dir, folder), { recursive: true });
    const signed = `[signed-by=${KEYRING}]`;
    const release = `${signed} ${mirror()} ${this.suite} main`;
    // What Debian ships is what apt would install: Xen 4.17 lost its shadow paging by a security update. Sources come later there.
    const security = `${signed} ${SECURITY_MIRROR} ${this.suite}-security main`;
    writeFileSync(join(this.dir, 'sources.list'), `deb ${release}\ndeb ${security}\ndeb-src ${release}\n`);
    await this.command('apt-get', [...this.options, 'update', '-qq']);
  }
}

/** The mirror that this machine uses for its own packages. */
export function mirror(): string {
  for (const file of ['/etc/apt/sources.list.d/debian.sources', '/etc/apt/sources.list']) {
    const found = mirrorIn(readText(file));
    if (found !== undefined) return found;
  }
  return DEFAULT_MIRROR;
}

/** The first archive named in a sources.list or .sources file that is not the security archive. */
export function mirrorIn(text: string): string | undefined {
  return /^(?:URIs:|deb(?: \[[^\]]*\])?)\s+(https?:\/\/\S+?\/debian)\/?(?:\s|$)/m.exec(text)?.[1];
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch {
    return '';
  }
}
