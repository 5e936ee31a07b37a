/** A network between two hosts that breaks when told to: in front of the destination's API, and of each data connection. */
import {
  createServer as createHttpServer,
  request as httpRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import type { DataEndpoint, IncomingReply, IncomingRequest } from '../../src/host/api.js';

type Weather = 'fair' | 'cut' | 'silent';

/** Two sockets that carry each other's bytes, both of them ends. */
interface Pair {
  readonly near: Socket;
  readonly far: Socket;
}

export class BreakableLink {
  /** Connections that somebody has tried to make since the weather last changed. */
  attempts = 0;
  private weather: Weather = 'fair';
  private readonly pairs = new Set<Pair>();
  private readonly servers: Server[] = [];
  /** Connected to while it was silent: a peer that says nothing. */
  private waiting: (() => void)[] = [];

  /** @param api base URL of the destination's API @returns what to give to `migrate` as the destination */
  async before(api: string): Promise<string> {
    const server = createHttpServer((request, response) => {
      this.relay(api, request, response).catch((error: Error) => response.destroy(error));
    });
    return `http://127.0.0.1:${await this.listen(server)}`;
  }

  /** Every data connection is reset, and so is every new one. The API stays reachable. */
  cut(): void {
    this.turn('cut');
    for (const { near, far } of this.pairs) {
      reset(near);
      reset(far);
    }
  }

  /** Sockets stay open and new ones are accepted, and nothing goes through. */
  silence(): void {
    this.turn('silent');
    for (const { near, far } of this.pairs) {
      near.unpipe(far).pause();
      far.unpipe(near).pause();
    }
  }

  mend(): void {
    this.turn('fair');
    for (const pair of this.pairs) carry(pair);
    for (const go of this.waiting.splice(0)) go();
  }

  close(): void {
    this.cut();
    for (const server of this.servers) server.close();
  }

  private turn(weather: Weather): void {
    this.weather = weather;
    this.attempts = 0;
  }

  /** As it is, but that both hosts are told to send their data through here. */
  private async relay(api: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method, url = '', headers } = request;
    const body = JSON.parse(await textOf(request)) as IncomingRequest;
    const answer = await ask(new URL(url, api), method, headers.authorization, {
      ...body,
      returns: await this.through(body.returns),
    });
    const reply = JSON.parse(await textOf(answer)) as IncomingReply;
    if (answer.statusCode === 200) Object.assign(reply, { stream: await this.through(reply.stream) });
    response.writeHead(answer.statusCode ?? 502, { 'content-type': 'application/json' }).end(JSON.stringify(reply));
  }

  private async through(endpoint: DataEndpoint): Promise<DataEndpoint> {
    const server = createServer({ pauseOnConnect: true, allowHalfOpen: true, noDelay: true }, (near) => {
      this.attempts++;
      if (this.weather === 'cut') reset(near);
      else if (this.weather === 'silent') this.waiting.push(() => this.join(near, endpoint.port));
      else this.join(near, endpoint.port);
    });
    return { ...endpoint, host: '127.0.0.1', port: await this.listen(server) };
  }

  private join(near: Socket, port: number): void {
    const far = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true });
    const pair = { near, far };
    this.pairs.add(pair);
    for (const [socket, other] of [
      [near, far],
      [far, near],
    ]) {
      socket.on('error', () => reset(other));
      socket.once('close', () => {
        this.pairs.delete(pair);
        other.destroy();
      });
    }
    carry(pair);
  }

  private async listen(server: Server): Promise<number> {
    this.servers.push(server);
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return (server.address() as AddressInfo).port;
  }
}

/** A socket that is being shut down cannot be reset, and Node would leak its handle. */
function reset(socket: Socket): void {
  if (socket.writableEnded) socket.destroy();
  else socket.resetAndDestroy();
}

function carry({ near, far }: Pair): void {
  near.pipe(far);
  far.pipe(near);
}

/** Without the pool of connections that fetch() keeps: a test counts what is left. */
function ask(url: URL, method = 'GET', authorization = '', body: unknown): Promise<IncomingMessage> {
  const headers = { authorization, 'content-type': 'application/json' };
  return new Promise((resolve, reject) => {
    httpRequest(url, { method, headers, agent: false }, resolve).on('error', reject).end(JSON.stringify(body));
  });
}

async function textOf(message: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of message as AsyncIterable<Buffer>) parts.push(part);
  return Buffer.concat(parts).toString();
}
