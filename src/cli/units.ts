/** Numbers as people write them, and back: the one place that knows units. */
import { InvalidArgumentError, Option } from 'commander';

const BINARY: Readonly<Record<string, number>> = { '': 1, k: 2 ** 10, m: 2 ** 20, g: 2 ** 30, t: 2 ** 40 };
const DECIMAL: Readonly<Record<string, number>> = { '': 1, k: 1e3, m: 1e6, g: 1e9, t: 1e12 };
const DURATION_MS: Readonly<Record<string, number>> = { '': 1, ms: 1, s: 1000, m: 60_000 };

/** `512M`, `1.5GiB`, `4096`: bytes, where K, M, G and T are binary as for memory everywhere. A whole number ≥ 1. */
export function parseSize(text: string): number {
  const [, number, prefix] = /^(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?$/i.exec(text.trim()) ?? [];
  const bytes = Number(number) * BINARY[(prefix ?? '').toLowerCase()];
  if (number === undefined || !Number.isSafeInteger(bytes) || bytes < 1)
    throw new InvalidArgumentError('write a size such as 512M or 1GiB');
  return bytes;
}

/**
 * Bytes a second. Bits are `bit` (`100Mbit`, `1Gbit/s`), decimal as networks count; bytes are `B` (`20MB/s`, decimal; `20MiB/s`, binary). The
 * unit must be there: a bare number is read differently by different people.
 */
export function parseRate(text: string): number {
  const [, number, prefix, binary, unit] =
    /^(\d+(?:\.\d+)?)\s*([kmgt]?)(i?)(bit|B)(?:\/s|ps)?$/i.exec(text.trim()) ?? [];
  if (number === undefined || Number(number) === 0)
    throw new InvalidArgumentError('write a rate such as 100Mbit, 1Gbit or 20MB/s');
  const bits = unit.toLowerCase() === 'bit';
  return (Number(number) * (binary ? BINARY : DECIMAL)[prefix.toLowerCase()]) / (bits ? 8 : 1);
}

/** `10ms`, `2s`, `300`: milliseconds. */
export function parseDuration(text: string): number {
  const [, number, unit] = /^(\d+(?:\.\d+)?)\s*(ms|s|m|)$/i.exec(text.trim()) ?? [];
  if (number === undefined || Number(number) === 0)
    throw new InvalidArgumentError('write a duration such as 300ms or 2s');
  return Number(number) * DURATION_MS[unit.toLowerCase()];
}

/** An option whose default is shown as people write it. */
export const sizeOption = (flags: string, what: string, bytes: number): Option =>
  new Option(flags, what).argParser(parseSize).default(bytes, formatSize(bytes));

export function parseCount(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d+$/.test(text) ? Number(text) : Number.NaN;
    if (!(value >= min && value <= max)) throw new InvalidArgumentError(`write a number from ${min} to ${max}`);
    return value;
  };
}

/** Of pages; the helper takes no more than four digits. */
export function parsePrepull(text: string): number | 'adaptive' {
  return text === 'adaptive' ? text : parseCount(0, 9999)(text);
}

export function formatSize(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${round(value)} ${units[unit]}`;
}

/** Of a network, as networks count. */
export function formatBitRate(bytesPerSecond: number): string {
  const units = ['bit', 'kbit', 'Mbit', 'Gbit'];
  let value = bytesPerSecond * 8;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${round(value)} ${units[unit]}/s`;
}

/** Of memory. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

export function formatMs(ms: number): string {
  if (ms < 1000) return `${round(ms)} ms`;
  return ms < 60_000 ? `${round(ms / 1000)} s` : `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1000)} s`;
}

export function formatCount(value: number): string {
  return value.toLocaleString('en-US');
}

/** Three significant digits at most, as far as they say something. */
function round(value: number): string {
  return value >= 100 || Number.isInteger(value) ? String(Math.round(value)) : value.toPrecision(value >= 10 ? 3 : 2);
}
