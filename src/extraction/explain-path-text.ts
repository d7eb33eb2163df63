import { inspect } from 'node:util';
import { type Fault, FOREIGN, MANY, unescapeKey, unescapePointer } from './foreign-syntax.js';
import { BLANK, parsePathText, QUOTED_KEY, QUOTED_KEYS } from './parse-path-text.js';

/** Why a text is no path, and what to write instead. */
export function explainPathText(text: string): string {
  const asKeys = `${listed(namesIn(text))} if these are the names of the keys`;
  const meant = fix(text);
  const { problem } = faultOf(mask(text, QUOTED_KEYS).masked);
  return `${quoted(text)} ${problem}; write ${meant === null ? asKeys : `${meant}, or ${asKeys}`}`;
}

const ENDS = new RegExp(`^[${BLANK}]+|[${BLANK}]+$`, 'g');
const BLANKS = `[${BLANK}]*`;

/** The first one that is found names the problem. */
const FAULTS: readonly Fault[] = [
  {
    found: new RegExp(ENDS, ''),
    problem: 'has a blank at an end',
    fix: (text) => text.replace(ENDS, ''),
  },
  {
    found: /^\$?\.\.(?!\.|$)/,
    problem: 'searches at any depth, but a path names every key from the top on',
  },
  {
    found: /^\$(?!\{)/,
    problem: "begins with '$', but a path begins with a key",
    fix: (text) => text.replace(/^\$(?:\.|(?=\[))/, ''),
  },
  {
    found: /^\//,
    problem: "begins with '/', but a path begins with a key and is split on dots",
    fix: (text) => text.slice(1).split('/').map(unescapePointer),
  },
  ...FOREIGN,
  {
    found: /\*|\[(?:[\s\d-]*[:,].*|\s*)\]|\[[?(@]/,
    problem: MANY,
    fix: (text) =>
      text
        .replace(/\[(?:\*|[\s\d-]*[:,][^[\]]*|\s*)\]/g, '[0]')
        .replace(/\.\*(?=[.[]|$)|^\*(?=[.[]|$)/g, '[0]'),
  },
  {
    found: /\[\s*-\s*\d+\s*\]/,
    problem: "counts from the end, but an index counts from the start, as in 'items[0]'",
  },
  {
    found: /\[(['"]).*\1\]/,
    problem: 'has a quoted key with a backslash or a quote of its own kind in it',
    fix: (text) => Array.from(text.matchAll(LOOSE_STEP), ([, , key, name]) => unescapeKey(key ?? name ?? '')),
  },
  {
    found: /\[(?:\s+\d+\s*|\d+\s+|0\d+)\]/,
    problem: 'has an index with a blank or a leading zero',
    fix: (text) => text.replace(/\[\s*0*(\d+)\s*\]/g, '[$1]'),
  },
  {
    found: /\[[^[\]'"]*[^[\]\d'"][^[\]'"]*\]/,
    problem: 'has a key in brackets without quotes',
    fix: (text) => text.replace(/\[([^[\]'"]*[^[\]\d'"][^[\]'"]*)\]/g, "['$1']"),
  },
  {
    found: /\[(?!\d+\])|(?<!\[\d+)\]/,
    problem: "has a bracket that belongs neither to an index, as in [0], nor to a quoted key, as in ['b']",
  },
  {
    found: new RegExp(String.raw`[${BLANK}][.[]|[.\]][${BLANK}]`),
    problem: 'has a blank at an end of a key',
    fix: (text) => text.replace(new RegExp(String.raw`${BLANKS}([.[\]])${BLANKS}`, 'g'), '$1'),
  },
  {
    found: /\.\[/,
    problem: 'has a dot before a bracket',
    fix: (text) => text.replace(/\.+\[/g, '['),
  },
  {
    found: /\][^.[]/,
    problem: 'has no dot after a bracket',
    fix: (text) => text.replace(/\](?=[^.[])/g, '].'),
  },
];

const EMPTY_STEP: Omit<Fault, 'found'> = {
  problem: 'has a dot without a key',
  fix: (text) => text.replace(/\.{2,}/g, '.').replace(/^\.|\.$/g, ''),
};

function faultOf(text: string): Omit<Fault, 'found'> {
  return FAULTS.find(({ found }) => found.test(text)) ?? EMPTY_STEP;
}

/** What was probably meant, as a literal. `null` where nobody can know. */
function fix(text: string): string | null {
  let before = text;
  for (let round = 0; round <= FAULTS.length; round += 1) {
    const { masked, unmask } = mask(before, QUOTED_KEYS);
    const meant = faultOf(masked).fix?.(masked) ?? masked;
    if (typeof meant !== 'string') return spelled(meant.map(unmask));
    const after = unmask(meant);
    if (parsePathText(after) !== null) return quoted(after);
    if (after === before) return null;
    before = after;
  }
  return null;
}

/** The parts between dots. A dot within brackets, braces or quotes parts nothing. */
function namesIn(text: string): string[] {
  const { masked, unmask } = mask(text, GROUPS);
  return masked.split('.').map(unmask);
}

const GROUPS = new RegExp(
  String.raw`${QUOTED_KEY}|\[[^[\]]*\]|\([^()]*\)|\{[^{}]*\}|(?<=^|[.>\s])(?:'[^']*'|"[^"]*"|\x60[^\x60]*\x60)(?=$|[-.[#\s])`,
  'g',
);

/** Whatever a quoted key holds is no fault. So each becomes an index that nobody writes. */
function mask(text: string, groups: RegExp): { readonly masked: string; unmask(text: string): string } {
  const found: string[] = [];
  const masked = text.replace(groups, (group) => `[${FIRST_MASK + found.push(group)}]`);
  const unmask = (part: string) =>
    part.replace(/\[(\d+)\]/g, (index, digits) => found[Number(digits) - FIRST_MASK - 1] ?? index);
  return { masked, unmask };
}

const FIRST_MASK = 10 ** 15;

const LOOSE_STEP = /\[(['"])(.*?)\1\](?=[.[]|$)|([^.[\]]+)/g;

/** The shortest way to write these segments. */
function spelled(segments: readonly string[]): string {
  const text = segments.join('.');
  const isPath = JSON.stringify(parsePathText(text)) === JSON.stringify(segments);
  return isPath ? quoted(text) : listed(segments);
}

function listed(segments: readonly string[]): string {
  return `[${segments.map(quoted).join(', ')}]`;
}

/** As a literal of JavaScript, with every character visible. */
function quoted(text: string): string {
  const literal = inspect(text, { breakLength: Number.POSITIVE_INFINITY });
  return literal.replace(/(?! )[\p{C}\p{Z}]/gu, (character) => {
    return `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
  });
}
