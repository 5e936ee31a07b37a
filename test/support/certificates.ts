/** Certificates made on the spot by the openssl command. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import type { TlsFiles } from '../../src/transport/index.js';

export interface Authority {
  readonly caFile: string;
  /** A certificate for one name or address, e.g. `IP:127.0.0.1`. */
  issue(name: string, subject: string): TlsFiles;
}

const directories: string[] = [];

export function newAuthority(): Authority {
  const directory = mkdtempSync(join(tmpdir(), 'xenferry-tls-'));
  directories.push(directory);
  const openssl = (...args: string[]): void => void execFileSync('openssl', args, { cwd: directory, stdio: 'ignore' });
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...newKey,
    '-keyout',
    'ca.key',
    '-out',
    'ca.crt',
    '-subj',
    `/CN=authority ${basename(directory)}`,
    '-days',
    '2',
  );
  const path = (file: string): string => join(directory, file);
  return {
    caFile: path('ca.crt'),
    issue(name, subject) {
      openssl(
        ...['req', '-x509', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.crt`, '-subj', `/CN=${name}`],
        ...['-addext', `subjectAltName=${subject}`, '-CA', 'ca.crt', '-CAkey', 'ca.key', '-days', '2'],
      );
      return { certFile: path(`${name}.crt`), keyFile: path(`${name}.key`), caFile: path('ca.crt') };
    },
  };
}

afterAll(() => {
  for (const directory of directories.splice(0)) rmSync(directory, { recursive: true, force: true });
});
