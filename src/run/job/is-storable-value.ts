import type { JsonValue } from '../../extraction/json-value.js';
import { isStorable } from '../../input/parse-input.js';

/** Whether every database can store all texts in the value, names of members included. */
export function isStorableValue(value: JsonValue): boolean {
  if (typeof value === 'string') return isStorable(value);
  if (typeof value !== 'object' || value === null) return true;
  if (Array.isArray(value)) return value.every(isStorableValue);
  return Object.entries(value).every(([name, member]) => isStorable(name) && isStorableValue(member));
}
