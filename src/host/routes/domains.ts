import type { FastifyInstance } from 'fastify';
import { CreateRequest, DigestRequest, RestoreRequest, SaveRequest } from '../api.js';
import type { Host } from '../host.js';
import { restoreDomain, saveDomain } from '../saving.js';
import { validate } from './validate.js';

interface OneDomain {
  Params: { ref: string };
}

export function domainRoutes(app: FastifyInstance, host: Host): void {
  app.get('/v1/status', () => host.view());
  app.get('/v1/domains', () => host.domains.list());
  app.post('/v1/domains', (request) => {
    const { config, paused } = validate(CreateRequest, request.body);
    return host.create(config, paused);
  });
  app.get<OneDomain>('/v1/domains/:ref', ({ params }) => host.domains.look(params.ref));
  app.delete<OneDomain>('/v1/domains/:ref', ({ params }) => host.destroy(params.ref));
  app.post<OneDomain>('/v1/domains/:ref/pause', ({ params }) => host.pause(params.ref));
  app.post<OneDomain>('/v1/domains/:ref/unpause', ({ params }) => host.unpause(params.ref));
  app.post<OneDomain>('/v1/domains/:ref/digest', ({ params, body }) =>
    host.digest(params.ref, validate(DigestRequest, body).control),
  );
  app.post<OneDomain>('/v1/domains/:ref/save', ({ params, body }) =>
    saveDomain(host, params.ref, validate(SaveRequest, body)),
  );
  app.post('/v1/restore', ({ body }) => restoreDomain(host, validate(RestoreRequest, body)));
}
