/** The API's HTTP server: authentication before anything else, errors in one shape. */
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify';
import type { TlsIdentity } from '../transport/index.js';
import { MAX_BODY_BYTES } from './api.js';
import { asHostError } from './classify.js';
import { HostError } from './errors.js';
import type { Host } from './host.js';
import { domainRoutes } from './routes/domains.js';
import { migrationRoutes } from './routes/migrations.js';
import { sameToken } from './token.js';

export interface ServerOptions {
  readonly token: string;
  readonly identity?: TlsIdentity;
  readonly logger: FastifyBaseLogger;
}

export function createServer(host: Host, { token, identity, logger }: ServerOptions): FastifyInstance {
  const https = identity && { cert: identity.cert, key: identity.key, minVersion: 'TLSv1.3' as const };
  const app = fastify({
    loggerInstance: logger,
    bodyLimit: MAX_BODY_BYTES,
    // Without this, closing would wait for the peer to drop its idle connections.
    forceCloseConnections: true,
    ...(https ? { https } : {}),
  });
  app.addHook('onRequest', async ({ headers }) => {
    const [, offered = ''] = /^Bearer (\S+)$/i.exec(headers.authorization ?? '') ?? [];
    if (!sameToken(offered, token)) {
      throw new HostError('UNAUTHORIZED', 'the bearer token is missing or wrong', {
        remedy: 'use the token file that the host uses (--token-file, XENFERRY_TOKEN)',
      });
    }
  });
  app.setErrorHandler((error: Error & { statusCode?: number }, request, reply) => {
    const known = isClientError(error)
      ? new HostError('BAD_REQUEST', error.message, { cause: error })
      : asHostError(error);
    if (known.status >= 500) request.log.error({ err: error }, known.message);
    return reply.status(known.status).send({ error: known.toBody() });
  });
  app.setNotFoundHandler((request) => {
    throw new HostError('BAD_REQUEST', `there is no ${request.method} ${request.url}`);
  });
  domainRoutes(app, host);
  migrationRoutes(app, host);
  return app;
}

/** Fastify's own refusals: malformed JSON, too long a body, a wrong content type. */
function isClientError(error: { statusCode?: number; name: string }): boolean {
  return !(error instanceof HostError) && error.statusCode !== undefined && error.statusCode < 500;
}
