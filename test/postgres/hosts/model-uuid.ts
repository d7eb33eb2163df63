import { createHash } from 'node:crypto';

/** The same UUID for the same name of a model. */
export function modelUuid(name: string): string {
  const hex = createHash('sha256').update(name).digest('hex');
  return hex.slice(0, 32).replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
}
