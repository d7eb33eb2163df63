/** What a name may not begin or end with: white space, and marks that nobody sees. */
export const BLANK: string = String.raw`\s\u200b\u200e\u200f\u2060`;
export const QUOTED_KEY: string = String.raw`\[(?:'[^'\\]*'|"[^"\\]*")\]`;

const NAME = String.raw`[^.[\]*${BLANK}](?:[^.[\]*]*[^.[\]*${BLANK}])?`;
const BRACKETS = String.raw`\[(?:0|[1-9]\d*)\]|${QUOTED_KEY}`;
const PATH = new RegExp(String.raw`^(?![$/])(?:${NAME}|${BRACKETS})(?:\.${NAME}|${BRACKETS})*$`);
const STEP = /\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]|([^.[\]]+)/g;

/**
 * The keys and indices that a path names: `a.b[0]["c.d"]` → `['a', 'b', '0', 'c.d']`.
 * @returns `null` for a text that is no path.
 */
export function parsePathText(text: string): readonly string[] | null {
  if (!PATH.test(text)) return null;
  return Array.from(
    text.matchAll(STEP),
    ([, index, single, double, name]) => index ?? single ?? double ?? name ?? '',
  );
}
