/** All migrations under way, and the last finished ones. */
import { randomUUID } from 'node:crypto';
import { HostError } from './errors.js';
import { MigrationRecord } from './migration-record.js';

const KEEP_FINISHED = 64;

export class Migrations {
  private readonly records = new Map<string, MigrationRecord>();

  /** @param id the source's, at the destination */
  start(direction: 'out' | 'in', domain: string, peer: string, id: string = randomUUID()): MigrationRecord {
    if (this.records.has(id))
      throw new HostError('BUSY', `there is a migration ${id} here already`, { domain, remedy: 'migrate again' });
    const record = new MigrationRecord(id, direction, domain, peer);
    this.records.set(record.id, record);
    this.forgetOldest();
    return record;
  }

  get(id: string): MigrationRecord {
    const record = this.records.get(id);
    if (!record)
      throw new HostError('NO_SUCH_MIGRATION', `no migration has the id ${id}`, {
        remedy: 'xenferry status lists them',
      });
    return record;
  }

  all(): MigrationRecord[] {
    return [...this.records.values()];
  }

  active(): MigrationRecord[] {
    return this.all().filter((record) => !record.finished);
  }

  private forgetOldest(): void {
    const finished = this.all().filter((record) => record.finished);
    for (const record of finished.slice(0, Math.max(0, finished.length - KEEP_FINISHED)))
      this.records.delete(record.id);
  }
}
