/** The program in a Linux guest that carries out the suite's orders, by its console (test/xen-lab/guest/agent.c). */
import type { Guest } from '../../conformance/index.js';
import { Console } from './console.js';
import { decodeFrames, decodeWords, encodePlaces } from './encoding.js';

interface Waiting {
  resolve(result: string): void;
  reject(error: Error): void;
}

/** What the program says when it begins to listen. */
const HELLO = /^agent pages \d+$/;

export class Agent implements Guest {
  pages: Uint32Array = new Uint32Array(0);
  /** It can suspend no more. */
  refuses = false;
  private readonly console: Console;
  private readonly waiting = new Map<string, Waiting>();
  private readonly places = new Map<number, number>();
  private orders = 0;
  private hello: () => void = () => undefined;
  private readonly listening = new Promise<void>((resolve) => {
    this.hello = resolve;
  });

  private constructor(tty: string) {
    this.console = Console.at(tty, (line) => this.hear(line));
  }

  /** Waits until the guest has booted. */
  static async born(tty: string): Promise<Agent> {
    const agent = new Agent(tty);
    await agent.listening;
    agent.know(decodeFrames(await agent.order('pages')));
    return agent;
  }

  /** The same program in a copy of its domain: it is not told that it has moved. */
  static moved(tty: string, original: Guest): Agent {
    const agent = new Agent(tty);
    agent.know(original.pages);
    return agent;
  }

  async write(gfns: Uint32Array, value: number): Promise<void> {
    await this.order('write', this.named(gfns), value.toString(16));
  }

  async read(gfns: Uint32Array, vcpu = 0): Promise<Uint32Array> {
    return decodeWords(await this.order('read', this.named(gfns), `${vcpu}`));
  }

  async sum(gfns: Uint32Array): Promise<Uint32Array> {
    return decodeWords(await this.order('sum', this.named(gfns)));
  }

  async scribble(gfns: Uint32Array): Promise<void> {
    await this.order('scribble', this.named(gfns));
  }

  async settle(): Promise<void> {
    await this.order('settle');
  }

  async balloonOut(gfns: Uint32Array): Promise<void> {
    await this.order('balloon', this.named(gfns));
  }

  async refuseSuspend(): Promise<void> {
    await this.order('refuse');
    this.refuses = true;
  }

  close(): void {
    this.console.close();
  }

  private know(pages: Uint32Array): void {
    this.pages = pages;
    pages.forEach((gfn, place) => {
      this.places.set(gfn, place);
    });
  }

  private named(gfns: Uint32Array): string {
    const places = Array.from(gfns, (gfn) => {
      const place = this.places.get(gfn);
      if (place === undefined) throw new Error(`gfn ${gfn} is not the program's`);
      return place;
    });
    return encodePlaces(places);
  }

  private order(verb: string, ...args: string[]): Promise<string> {
    const id = `${++this.orders}`;
    return new Promise((resolve, reject) => {
      this.waiting.set(id, { resolve, reject });
      this.console.send([id, verb, ...args].join(' '));
    });
  }

  private hear(line: string): void {
    if (HELLO.test(line)) this.hello();
    const [id, ...rest] = line.trimEnd().split(' ');
    const waiting = this.waiting.get(id);
    // The kernel may speak on the same console.
    if (!waiting) return;
    this.waiting.delete(id);
    const result = rest.join(' ');
    if (result.startsWith('!')) waiting.reject(new Error(`the guest cannot do it: ${result.slice(2)}`));
    else waiting.resolve(result);
  }
}
