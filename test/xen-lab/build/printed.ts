/** The progress of a build, for people. */
import type { BuildEvents } from './part.js';

export function printedTo(stream: NodeJS.WritableStream): BuildEvents {
  return {
    cached: () => undefined,
    begun: (part) => void stream.write(`lab: building ${part}\n`),
    built: (part, seconds) => void stream.write(`lab: built ${part} in ${seconds.toFixed(0)} s\n`),
  };
}
