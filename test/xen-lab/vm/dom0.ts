/** One dom0 of the lab, as a shell. */
import { spawn } from 'node:child_process';
import { LabError } from '../lab-error.js';
import { type SshAddress, sshArguments } from './ssh.js';

export interface ExecOptions {
  /** After so long the command, and what it started, is ended in dom0. 300 by default. */
  readonly timeoutS?: number;
  readonly input?: string | Buffer;
  /** Given the output as it comes. */
  readonly onOutput?: (text: string) => void;
}

export interface ExecResult {
  /** 124 where the time was up. */
  readonly code: number;
  /** Both of its outputs, in the order in which they came. */
  readonly output: string;
}

const DEFAULT_TIMEOUT_S = 300;
/** How long dom0 may take over ending a command whose time is up. */
const GRACE_S = 30;

export class Dom0 {
  /**
   * @param address its address in the network of the lab's dom0s
   * @param signal ends what is under way here; dom0 ends it when its time is up
   */
  constructor(
    readonly name: string,
    readonly address: string,
    private readonly ssh: SshAddress,
    private readonly signal?: AbortSignal,
  ) {}

  /** The same dom0, used for as long as `signal` allows. */
  until(signal: AbortSignal): Dom0 {
    return new Dom0(this.name, this.address, this.ssh, signal);
  }

  /** Runs shell commands as root. */
  exec(commands: string, options: ExecOptions = {}): Promise<ExecResult> {
    const timeoutS = options.timeoutS ?? DEFAULT_TIMEOUT_S;
    const remote = `timeout --kill-after=10 ${timeoutS} bash -c ${quoted(commands)} 2>&1`;
    const limit = AbortSignal.timeout((timeoutS + GRACE_S) * 1000);
    const signal = this.signal ? AbortSignal.any([this.signal, limit]) : limit;
    return new Promise((resolve, reject) => {
      const child = spawn('ssh', [...sshArguments(this.ssh), remote], { signal, killSignal: 'SIGKILL' });
      let output = '';
      const take = (text: string) => {
        output += text;
        options.onOutput?.(text);
      };
      child.stdout.setEncoding('utf8').on('data', take);
      // ssh's own messages; those of the commands come with their output.
      child.stderr.setEncoding('utf8').on('data', take);
      child.once('error', (cause) => {
        if (this.signal?.aborted) return reject(this.signal.reason);
        reject(new LabError(`${this.name} does not answer: ${cause.message}\n${output.slice(-2000)}`));
      });
      child.once('close', (code) => resolve({ code: code ?? 255, output }));
      child.stdin.on('error', () => undefined).end(options.input ?? '');
    });
  }

  /** The same, for commands that must succeed. Returns their output. */
  async run(commands: string, options: ExecOptions = {}): Promise<string> {
    const { code, output } = await this.exec(commands, options);
    if (code === 0) return output;
    const why = code === 124 ? 'was not done in time' : `ended with ${code}`;
    throw new LabError(`${this.name}: ${commands} ${why}\n${output}`);
  }

  async write(path: string, content: string | Buffer, mode = '644'): Promise<void> {
    await this.run(`cat > ${quoted(path)} && chmod ${mode} ${quoted(path)}`, { input: content });
  }
}

/** A word of the shell that stands for `text`. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
