import { FOREIGN } from './foreign-syntax.js';

/** What a name may not begin or end with: white space, and marks that nobody sees. */
export const BLANK: string = String.raw`\s\u200b\u200e\u200f\u2060`;
export const QUOTED_KEY: string = String.raw`\[(?:'[^'\\]*'|"[^"\\]*")\]`;

export const QUOTED_KEYS: RegExp = new RegExp(QUOTED_KEY, 'g');
const NAME = String.raw`[^.[\]*${BLANK}](?:[^.[\]*]*[^.[\]*${BLANK}])?`;
const BRACKETS = String.raw`\[(?:0|[1-9]\d*)\]|${QUOTED_KEY}`;
const PATH = new RegExp(String.raw`^(?![$/])(?:${NAME}|${BRACKETS})(?:\.${NAME}|${BRACKETS})*$`);
const STEP = /\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]|([^.[\]]+)/g;

/**
 * The keys and indices that a path names: `a.b[0]["c.d"]` → `['a', 'b', '0', 'c.d']`.
 * @returns `null` for a text that is not a path.
 */
export function parsePathText(text: string): readonly string[] | null {
  if (!PATH.test(text)) return null;
  const masked = text.replace(QUOTED_KEYS, '[0]');
  if (FOREIGN.some(({ found }) => found.test(masked))) return null;
  return Array.from(
    text.matchAll(STEP),
    ([, index, single, double, name]) => index ?? single ?? double ?? name ?? '',
  );
}
