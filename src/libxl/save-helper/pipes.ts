import { read, writeSync } from 'node:fs';
import type { Pipes } from './libxl.js';

/** libxl's two pipes. Both block; messages are short, and libxl takes them as they come. */
export function fdPipes(from: number, to: number): Pipes {
  return {
    write(bytes) {
      for (let written = 0; written < bytes.length; ) written += writeSync(to, bytes, written);
    },
    async read(into) {
      for (let received = 0; received < into.length; ) received += await readSome(from, into, received);
    },
  };
}

function readSome(fd: number, into: Uint8Array, at: number): Promise<number> {
  return new Promise((resolve, reject) => {
    read(fd, into, at, into.length - at, null, (error, bytes) => {
      if (error) reject(error);
      else if (bytes === 0) reject(new Error('the pipe has ended'));
      else resolve(bytes);
    });
  });
}
