/** The host's API as a typed object. Every method rejects with a {@link HostError}. */
import type { IncomingMessage } from 'node:http';
import { createInterface } from 'node:readline';
import type * as api from './api.js';
import { type ErrorBody, HOST_ERROR_CODES, HostError } from './errors.js';
import { type Call, readText, send, type Target } from './http.js';

export class HostClient {
  constructor(private readonly target: Target) {}

  status(): Promise<api.HostView> {
    return this.call({ method: 'GET', path: '/v1/status' });
  }

  list(): Promise<api.DomainView[]> {
    return this.call({ method: 'GET', path: '/v1/domains' });
  }

  create(body: api.CreateRequest): Promise<api.DomainView> {
    return this.call({ method: 'POST', path: '/v1/domains', body, answerMs: 0 });
  }

  info(domain: string): Promise<api.DomainView> {
    return this.call({ method: 'GET', path: domainPath(domain) });
  }

  pause(domain: string): Promise<api.DomainView> {
    return this.call({ method: 'POST', path: `${domainPath(domain)}/pause` });
  }

  unpause(domain: string): Promise<api.DomainView> {
    return this.call({ method: 'POST', path: `${domainPath(domain)}/unpause` });
  }

  destroy(domain: string): Promise<api.DomainView> {
    return this.call({ method: 'DELETE', path: domainPath(domain) });
  }

  digest(domain: string, control: boolean): Promise<api.DigestView> {
    return this.call({ method: 'POST', path: `${domainPath(domain)}/digest`, body: { control }, answerMs: 0 });
  }

  save(domain: string, path: string, leaveRunning: boolean): Promise<api.SavedView> {
    return this.call({ method: 'POST', path: `${domainPath(domain)}/save`, body: { path, leaveRunning }, answerMs: 0 });
  }

  restore(path: string, options: { name?: string; paused?: boolean }): Promise<api.DomainView> {
    return this.call({ method: 'POST', path: '/v1/restore', body: { path, ...options }, answerMs: 0 });
  }

  /** One host to another. */
  incoming(body: api.IncomingRequest, signal?: AbortSignal): Promise<api.IncomingReply> {
    return this.call({ method: 'POST', path: '/v1/incoming', body, signal });
  }

  migration(id: string): Promise<api.MigrationView> {
    return this.call({ method: 'GET', path: `/v1/migrations/${encodeURIComponent(id)}` });
  }

  cancel(id: string): Promise<api.MigrationView> {
    return this.call({ method: 'DELETE', path: `/v1/migrations/${encodeURIComponent(id)}` });
  }

  /** Starts a migration and follows it. To stop reading does not stop it: see cancel(). */
  async *migrate(domain: string, body: api.MigrateRequest): AsyncGenerator<api.MigrationLine, void, undefined> {
    const response = await this.send({ method: 'POST', path: `${domainPath(domain)}/migrate`, body, answerMs: 0 });
    let complete = false;
    try {
      for await (const text of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
        const line = JSON.parse(text) as api.MigrationLine;
        complete = line.type === 'report' || line.type === 'error';
        yield line;
      }
    } catch (error) {
      throw error instanceof HostError ? error : this.lost((error as Error).message);
    }
    if (!complete) throw this.lost('it closed the connection');
  }

  private lost(why: string): HostError {
    const { origin } = this.target.url;
    return new HostError('DESTINATION_UNREACHABLE', `the host ${origin} was lost during the migration: ${why}`, {
      remedy: 'look at the host; if it goes on, so does the migration (xenferry status)',
    });
  }

  private async call<T>(call: Call): Promise<T> {
    return JSON.parse(await readText(await this.send(call))) as T;
  }

  private async send(call: Call): Promise<IncomingMessage> {
    const response = await send(this.target, call);
    if (response.statusCode !== undefined && response.statusCode < 300) return response;
    throw errorOf(response, await readText(response));
  }
}

function domainPath(domain: string): string {
  return `/v1/domains/${encodeURIComponent(domain)}`;
}

function errorOf(response: IncomingMessage, text: string): HostError {
  try {
    const { error } = JSON.parse(text) as { error: ErrorBody };
    if (Object.hasOwn(HOST_ERROR_CODES, error.code)) return HostError.fromBody(error);
  } catch {
    // Not one of ours: say what came.
  }
  return new HostError('INTERNAL', `the host answered ${response.statusCode}: ${text.slice(0, 200)}`);
}
