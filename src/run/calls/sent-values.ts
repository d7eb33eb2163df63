import type { JsonValue } from '../../extraction/json-value.js';
import type { InstanceWrites } from '../../ports/repository.js';
import { LONGEST_MESSAGE } from './server-message.js';

/** What was to be written when an error was thrown. No reason may show it: it is data of instances. */
const sent = new WeakMap<object, readonly InstanceWrites[]>();

export function noteSentValues(error: unknown, instances: readonly InstanceWrites[]): void {
  if (typeof error === 'object' && error !== null && instances.length > 0) sent.set(error, instances);
}

/** The texts of these values, as a message may quote them. */
export function* sentTexts(error: object): Iterable<string> {
  let left = MOST_TEXTS;
  for (const { values } of sent.get(error) ?? []) {
    for (const { value, replaces } of values) {
      const texts: string[] = [];
      collect(value, texts, left);
      collect(replaces?.value, texts, left);
      left -= texts.length;
      yield* texts;
      const length = texts.reduce((sum, text) => sum + text.length, 0);
      const isShort = left > 0 && texts.length > 0 && length <= LONGEST_MESSAGE;
      if (typeof value === 'object' && value !== null && isShort) yield JSON.stringify(value);
    }
  }
}

/** Looking for this many in a message takes some ten milliseconds. */
const MOST_TEXTS = 100_000;

function collect(part: JsonValue | undefined, texts: string[], most: number): void {
  if (texts.length >= most) return;
  if (typeof part === 'string' || typeof part === 'number') texts.push(String(part));
  else if (Array.isArray(part)) for (const item of part) collect(item, texts, most);
  else if (typeof part === 'object' && part !== null)
    for (const name in part) collect((part as { [name: string]: JsonValue })[name], texts, most);
}
