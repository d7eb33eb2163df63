/** White space, and marks that nobody sees: a name in a text neither begins nor ends with one. */
const BLANK_EDGE = /^[\s\u200b\u200e\u200f\u2060]|[\s\u200b\u200e\u200f\u2060]$/;

/**
 * A spelling of `segments` as text: with an index in brackets (`a[0]`) or a key in them (`a["b"]`) where `brackets` says
 * so and it is possible. `null` where only an array of segments can spell them.
 */
export function spellPath(segments: readonly string[], brackets: readonly boolean[]): string | null {
  let text = '';
  for (const [position, segment] of segments.entries()) {
    const spelling = spellSegment(segment, brackets[position % brackets.length] === true, position === 0);
    if (spelling === null) return null;
    text += spelling;
  }
  return text;
}

function spellSegment(segment: string, inBrackets: boolean, isFirst: boolean): string | null {
  const isPlain = /^[^.[\]*]+$/.test(segment) && !BLANK_EDGE.test(segment) && !/^[$/]/.test(segment);
  const isForeign = /^@$|^#$|^#[/(]|->|#>>?\s*'|\{\{|[$#]\{|[?\\]$|^["'`]|^(?:lax|strict)\s+\$/.test(segment);
  const isName = isPlain && !isForeign;
  if (isName && !inBrackets) return isFirst ? segment : `.${segment}`;
  if (/^(?:0|[1-9]\d*)$/.test(segment)) return `[${segment}]`;
  if (!/["\\]/.test(segment)) return `["${segment}"]`;
  return /['\\]/.test(segment) ? null : `['${segment}']`;
}
