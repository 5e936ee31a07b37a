/** libxl's end of the save helper's protocol, scripted: it decodes by the rules of libxl_save_msgs_gen.pl, written down anew. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import type { Duplex, Readable, Writable } from 'node:stream';

export const HELPER = join(__dirname, '..', '..', 'src', 'libxl', 'save-helper', 'main.js');
/** What libxl is given to start: it hands over to a helper that stands by, or starts one. */
export const LAUNCHER = join(__dirname, '..', '..', '..', 'native', 'build', 'Release', 'xenferry-save-helper');

export interface Message {
  readonly type: number;
  readonly args: readonly (number | bigint | string)[];
}

type Kind = 'u32' | 'i32' | 'u64' | 'text';
const SHAPES: Readonly<Record<number, readonly Kind[]>> = {
  1: ['u32', 'i32', 'text', 'text'],
  2: ['text', 'text', 'u64', 'u64'],
  3: [],
  7: ['u32', 'u32'],
  8: ['u32'],
  9: ['u64', 'u64'],
  10: ['i32', 'i32'],
};
const ANSWERED = new Set([3, 7, 8, 10]);

/** Whole messages off the front of `bytes`, and what is left. Throws for one that libxl would drop. */
export function decodeMessages(bytes: Buffer): { messages: Message[]; rest: Buffer } {
  const messages: Message[] = [];
  let rest = bytes;
  while (rest.length >= 2 && rest.length >= 2 + rest.readUInt16LE()) {
    const end = 2 + rest.readUInt16LE();
    messages.push(decodeMessage(rest.subarray(2, end)));
    rest = rest.subarray(end);
  }
  return { messages, rest };
}

function decodeMessage(body: Buffer): Message {
  const type = body.readUInt16LE();
  let at = 2;
  const take = (length: number): Buffer => {
    if (at + length > body.length) throw new Error(`message ${type} is too short`);
    at += length;
    return body.subarray(at - length, at);
  };
  const args = SHAPES[type].map((kind) => {
    if (kind === 'u32') return take(4).readUInt32LE();
    if (kind === 'i32') return take(4).readInt32LE();
    if (kind === 'u64') return take(8).readBigUInt64LE();
    const text = take(take(4).readUInt32LE());
    if (text.length === 0 || text[text.length - 1] !== 0) throw new Error('a string does not end in NUL');
    return text.subarray(0, -1).toString();
  });
  if (at !== body.length) throw new Error(`message ${type} is too long`);
  return { type, args };
}

/** A real helper with libxl's two pipes and, as descriptor 3, a stream. */
export class HelperProcess implements AsyncDisposable {
  readonly messages: Message[] = [];
  readonly stream: Duplex;
  stderr = '';
  private readonly child: ChildProcess;
  private readonly exited: Promise<unknown[]>;
  private waiting: (() => void)[] = [];

  /** `answer`: the reply to a message, or undefined for none. */
  constructor(
    args: readonly string[],
    private readonly answer: (message: Message) => number | undefined = () => 0,
    env: Readonly<Record<string, string>> = {},
    [program, ...first]: readonly string[] = [process.execPath, HELPER],
  ) {
    this.child = spawn(program, [...first, ...args], {
      env: { PATH: process.env.PATH, ...env },
      stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    });
    this.exited = once(this.child, 'exit');
    const [, out, err, stream] = this.child.stdio as unknown as [Writable, Readable, Readable, Duplex];
    this.stream = stream;
    err.on('data', (part: Buffer) => {
      this.stderr += part.toString();
    });
    let rest: Buffer = Buffer.alloc(0);
    out.on('data', (part: Buffer) => {
      const decoded = decodeMessages(Buffer.concat([rest, part]));
      rest = decoded.rest;
      for (const message of decoded.messages) this.take(message);
    });
  }

  /** Of type LOG: level and text of each. */
  get logs(): { level: number; text: string }[] {
    return this.of(1).map(({ args }) => ({ level: Number(args[0]), text: String(args[3]) }));
  }

  of(type: number): Message[] {
    return this.messages.filter((message) => message.type === type);
  }

  /** Resolves when a message of this type has come. */
  async until(type: number): Promise<Message> {
    for (;;) {
      const [message] = this.of(type);
      if (message) return message;
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** libxl ends. */
  hangUp(): void {
    this.child.stdin?.destroy();
    this.child.stdout?.destroy();
  }

  /** Exit code, or the signal that ended it. */
  async ended(): Promise<number | string> {
    const [code, signal] = await this.exited;
    return (code ?? signal) as number | string;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.child.kill('SIGKILL');
    await this.exited;
    this.stream.destroy();
  }

  private take(message: Message): void {
    this.messages.push(message);
    const reply = ANSWERED.has(message.type) ? this.answer(message) : undefined;
    if (reply !== undefined) {
      const bytes = Buffer.alloc(4);
      bytes.writeInt32LE(reply);
      this.child.stdin?.write(bytes);
    }
    for (const wake of this.waiting.splice(0)) wake();
  }
}
