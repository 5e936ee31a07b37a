import type { FastifyInstance } from 'fastify';
import { IncomingRequest, MigrateRequest } from '../api.js';
import { asHostError } from '../classify.js';
import type { Host } from '../host.js';
import { prepareIncoming } from '../incoming.js';
import { MemoryPicture } from '../memory-picture.js';
import { LineWriter } from '../ndjson.js';
import { startOutgoing } from '../outgoing.js';
import { validate } from './validate.js';

interface OneMigration {
  Params: { id: string };
}

export function migrationRoutes(app: FastifyInstance, host: Host): void {
  app.post<{ Params: { ref: string } }>('/v1/domains/:ref/migrate', async ({ params, body }, reply) => {
    const request = validate(MigrateRequest, body);
    const { record, report } = startOutgoing(host, params.ref, request);
    reply.hijack();
    const lines = new LineWriter(reply.raw);
    lines.write({ type: 'started', id: record.id, domain: record.domain, destination: record.peer });
    const picture = request.picture ? new MemoryPicture((cells) => lines.write({ type: 'memory', cells })) : undefined;
    record.onEvent((event) => {
      picture?.observe(event);
      // Lists of gfns are for tools in the same process; as text they would outweigh the memory that moves.
      if (event.type === 'pages' || event.type === 'lacking') return;
      if (request.faults || (event.type !== 'fault' && event.type !== 'loaded')) lines.write(event);
    });
    await report.then(
      (done) => lines.write({ type: 'report', report: done }),
      (error: unknown) => lines.write({ type: 'error', error: asHostError(error).toBody() }),
    );
    lines.end();
  });

  app.post('/v1/incoming', ({ body, ip }) => prepareIncoming(host, validate(IncomingRequest, body), ip));
  app.get('/v1/migrations', async () => host.migrations.all().map((record) => record.view()));
  app.get<OneMigration>('/v1/migrations/:id', async ({ params }) => host.migrations.get(params.id).view());
  app.delete<OneMigration>('/v1/migrations/:id', async ({ params }) => {
    const record = host.migrations.get(params.id);
    record.cancel('cancelled on request');
    return record.view();
  });
}
