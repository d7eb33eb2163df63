import type { ExtractionPath } from './extraction-path.js';
import { parsePathText } from './parse-path-text.js';

/** How people write a path: `invoice.lines[0].sku`, `customer["e.mail"]`. The segments themselves where no text spells them. */
export function spellPath(segments: readonly string[]): ExtractionPath['path'] {
  const names = segments.map(spellSegment);
  const text = names.reduce(
    (path, name, index) => path + (index === 0 || name.startsWith('[') ? name : `.${name}`),
    '',
  );
  return isSpelled(text, segments) ? text : [...segments];
}

function spellSegment(segment: string): string {
  if (INDEX.test(segment)) return `[${segment}]`;
  if (isSpelled(segment, [segment])) return segment;
  return segment.includes('"') ? `['${segment}']` : `["${segment}"]`;
}

const INDEX = /^(?:0|[1-9]\d*)$/;

function isSpelled(text: string, segments: readonly string[]): boolean {
  const parsed = parsePathText(text);
  return parsed?.length === segments.length && parsed.every((segment, index) => segment === segments[index]);
}
