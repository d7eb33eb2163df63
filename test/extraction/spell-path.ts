/**
 * A dotted spelling of `segments`, with an index in brackets (`a[0]`) where `brackets` says so and it is possible.
 * `null` where only an array of segments can spell them.
 */
export function spellPath(segments: readonly string[], brackets: readonly boolean[]): string | null {
  if (segments.some((segment) => segment.includes('.') || /.\[\d+\]$/.test(segment))) return null;
  let text = '';
  let mayTakeIndex = false;
  for (const [position, segment] of segments.entries()) {
    if (mayTakeIndex && /^(?:0|[1-9]\d*)$/.test(segment) && brackets[position % brackets.length] === true) {
      text += `[${segment}]`;
    } else {
      text += position === 0 ? segment : `.${segment}`;
      mayTakeIndex = /^[^[\]]+$/.test(segment);
    }
  }
  return text;
}
