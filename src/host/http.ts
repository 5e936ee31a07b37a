/** Requests to a host's API over Node's own HTTP client, which, unlike fetch, takes a certificate authority per request. */
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { HostError } from './errors.js';

/** A host that does not begin to answer within this is not there. */
const ANSWER_MS = 30_000;
/** Longest answer that is read as one document. */
const MAX_ANSWER_BYTES = 4 << 20;

export interface Target {
  readonly url: URL;
  readonly token: string;
  /** Certificates to trust, PEM; the system's if left out. */
  readonly ca?: Buffer;
}

export interface Call {
  readonly method: 'GET' | 'POST' | 'DELETE';
  readonly path: string;
  readonly body?: unknown;
  readonly signal?: AbortSignal;
  /** How long the host may take; for operations that take as long as they take: 0. */
  readonly answerMs?: number;
}

/** Resolves with the response, its body unread. Rejects with DESTINATION_UNREACHABLE. */
export function send(target: Target, call: Call): Promise<IncomingMessage> {
  const { url, token, ca } = target;
  const body = call.body === undefined ? undefined : Buffer.from(JSON.stringify(call.body));
  const headers: Record<string, string | number> = { authorization: `Bearer ${token}` };
  if (body) Object.assign(headers, { 'content-type': 'application/json', 'content-length': body.length });
  const options: RequestOptions & { ca?: Buffer } = { method: call.method, headers, ca, agent: false };
  const start = url.protocol === 'https:' ? httpsRequest : httpRequest;
  return new Promise((resolve, reject) => {
    const request = start(new URL(call.path, url), { ...options, signal: call.signal }, resolve);
    const answerMs = call.answerMs ?? ANSWER_MS;
    request.setTimeout(answerMs, () => request.destroy(new Error(`no answer within ${answerMs} ms`)));
    request.on('error', (cause) => reject(call.signal?.aborted ? call.signal.reason : unreachable(url, cause)));
    request.end(body);
  });
}

function unreachable(url: URL, cause: Error): HostError {
  return new HostError('DESTINATION_UNREACHABLE', `cannot reach the host ${url.origin}: ${cause.message}`, {
    remedy: remedyFor(cause),
    cause,
  });
}

function remedyFor({ code = '' }: NodeJS.ErrnoException): string {
  if (code === 'ECONNREFUSED') return 'nothing listens there: start "xenferry host", or name another host and port';
  if (code === 'ECONNRESET' || code === 'EPROTO') return 'does it speak TLS? https:// and http:// are two things';
  if (/CERT|ISSUER|TLS/.test(code)) return 'have its certificate trusted, and its name in it: --tls-ca';
  return 'is "xenferry host" running there, and can this machine reach it?';
}

/** The whole body as text, up to a bound. */
export async function readText(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw new HostError('INTERNAL', 'the answer of the host is too long');
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}
