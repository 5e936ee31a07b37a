import { type Machine, P2m } from '../machine.js';
import { PAGE_WORDS } from '../mmu/pte.js';
import { Walker } from '../mmu/walker.js';
import { Reg, registersOf } from '../registers.js';
import { AgentOrder, Mailbox } from './agent.js';
import { HEAP } from './layout.js';

/** Pages at the start of the heap that are the agent's own. */
const AGENT_PAGES = 8;
const POLL_MS = 0.3;

export interface AgentHost {
  readonly machine: Machine;
  /** Makes holes of pages on the guest's behalf: what the hypervisor does for a decrease_reservation of the guest. */
  balloonOut(gfns: Uint32Array): Promise<void>;
  sleep(ms: number): Promise<void>;
  /** Throws if the vCPU will never answer: its domain is no more, or its thread died. */
  check(vcpu: number): void;
}

/**
 * The console of a guest that runs the program `agent`. Orders wait for the guest: they never settle while it is paused, and a vCPU
 * carries out one after the other.
 */
export class AgentConsole {
  /** Data pages of the first vCPU, ascending: nobody writes them but by order. */
  readonly pages: Uint32Array;
  private readonly turns: Promise<unknown>[];

  constructor(private readonly host: AgentHost) {
    const { contexts, vcpus } = host.machine;
    this.turns = Array.from({ length: vcpus }, () => Promise.resolve());
    const heap = registersOf(contexts, 0).u32[Reg.HEAP_PAGES];
    this.pages = Uint32Array.from({ length: heap - AGENT_PAGES }, (_, i) => this.frame(0, AGENT_PAGES + i));
  }

  /** Writes `value` to the first word of each page. */
  async write(gfns: Uint32Array, value: number): Promise<void> {
    await this.order(0, AgentOrder.WRITE, gfns, value);
  }

  /** The first word of each page. */
  read(gfns: Uint32Array, vcpu = 0): Promise<Uint32Array> {
    return this.order(vcpu, AgentOrder.READ, gfns);
  }

  /** The sum of the words of each page, modulo 2³². */
  sum(gfns: Uint32Array): Promise<Uint32Array> {
    return this.order(0, AgentOrder.SUM, gfns);
  }

  /** Every vCPU writes its share of these pages, at most {@link Mailbox.MAX_ITEMS}, round and round until settle(). */
  async scribble(gfns: Uint32Array): Promise<void> {
    if (gfns.length > Mailbox.MAX_ITEMS)
      throw new RangeError(`an agent can scribble on ${Mailbox.MAX_ITEMS} pages at most`);
    const share = (vcpu: number): Uint32Array => gfns.filter((_, index) => index % this.turns.length === vcpu);
    await Promise.all(this.turns.map((_, vcpu) => this.order(vcpu, AgentOrder.SCRIBBLE, share(vcpu))));
  }

  async settle(): Promise<void> {
    await Promise.all(this.turns.map((_, vcpu) => this.order(vcpu, AgentOrder.SETTLE, new Uint32Array(0))));
  }

  /** The guest lets go of the pages, then the hypervisor takes them. */
  async balloonOut(gfns: Uint32Array): Promise<void> {
    await this.settle();
    await this.host.balloonOut(gfns);
  }

  async refuseSuspend(): Promise<void> {
    await this.order(0, AgentOrder.IGNORE_SUSPEND, new Uint32Array(0));
  }

  /** One vCPU's orders go one by one, whatever becomes of the last. */
  private order(vcpu: number, order: number, gfns: Uint32Array, value = 0): Promise<Uint32Array> {
    const turn = this.turns[vcpu].then(() => this.orderAll(vcpu, order, gfns, value));
    this.turns[vcpu] = turn.catch(() => undefined);
    return turn;
  }

  private async orderAll(vcpu: number, order: number, gfns: Uint32Array, value: number): Promise<Uint32Array> {
    const answers = new Uint32Array(gfns.length);
    for (let at = 0; at === 0 || at < gfns.length; at += Mailbox.MAX_ITEMS) {
      const part = gfns.subarray(at, at + Mailbox.MAX_ITEMS);
      answers.set(await this.post(vcpu, order, part, value), at);
    }
    return answers;
  }

  /** The number goes last: the agent looks at nothing else before it. */
  private async post(vcpu: number, order: number, gfns: Uint32Array, value: number): Promise<Uint32Array> {
    const { words } = this.host.machine;
    const mailbox = this.frame(vcpu, Mailbox.ORDER_PAGE);
    // A missing mailbox comes when the agent looks into it.
    while (Atomics.load(this.host.machine.p2m, mailbox) !== P2m.RAM) await this.patience(vcpu);
    const out = mailbox * PAGE_WORDS;
    const back = this.frame(vcpu, Mailbox.ANSWER_PAGE) * PAGE_WORDS;
    const number = (registersOf(this.host.machine.contexts, vcpu).u32[Reg.VAR] + 1) >>> 0;
    words.set(gfns, out + Mailbox.ITEMS);
    words[out + Mailbox.VALUE] = value;
    words[out + Mailbox.COUNT] = gfns.length;
    Atomics.store(words, out + Mailbox.ORDER, order);
    Atomics.store(words, out + Mailbox.NUMBER, number);
    while (Atomics.load(words, back + Mailbox.NUMBER) !== number) await this.patience(vcpu);
    return words.slice(back + Mailbox.ITEMS, back + Mailbox.ITEMS + gfns.length);
  }

  private async patience(vcpu: number): Promise<void> {
    await this.host.sleep(POLL_MS);
    this.host.check(vcpu);
    const { u32 } = registersOf(this.host.machine.contexts, vcpu);
    if (u32[Reg.CRASH] !== 0)
      throw new Error(`the agent on vCPU ${vcpu} crashed at virtual page 0x${u32[Reg.CRASH_VPN].toString(16)}`);
  }

  /** gfn of a page of a vCPU's heap. */
  private frame(vcpu: number, page: number): number {
    const { machine } = this.host;
    const walker = new Walker(machine);
    walker.resolve(registersOf(machine.contexts, vcpu).u32[Reg.CR3], HEAP + page, false);
    return walker.gfn;
  }
}
