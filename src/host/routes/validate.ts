import type { z } from 'zod';
import { HostError } from '../errors.js';

/** `value` in the schema's shape. Throws BAD_REQUEST, naming each field that is wrong. */
export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown): z.output<Schema> {
  const result = schema.safeParse(value ?? {});
  if (result.success) return result.data;
  const issues = result.error.issues.map(({ path, message }) => `${path.join('.') || 'body'}: ${message}`);
  throw new HostError('BAD_REQUEST', issues.join('; '));
}
