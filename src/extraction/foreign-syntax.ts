/** A slip, or a way in which other tools write paths. */
export interface Fault {
  readonly found: RegExp;
  readonly problem: string;
  /** What was probably meant: a text, perhaps with another fault in it, or segments. The same text: nobody can know. */
  fix?(text: string): string | readonly string[];
}

export const MANY = 'asks for any number of values, but one path reads one value: name an index';

/** How other tools write paths. A key may have such a name, but that is rare. Quoted keys must be masked. */
export const FOREIGN: readonly Fault[] = [
  {
    found: /^#\//,
    problem: "begins with '#/', but a path begins with a key and is split on dots",
    fix: (text) => text.slice(2).split('/').map(unescapePointer),
  },
  {
    found: /^@(?:[.[]|$)/,
    problem: "begins with '@', but a path begins with a key",
    fix: (text) => text.replace(/^@\.?/, ''),
  },
  {
    found: /^(?:lax|strict)\s+\$/,
    problem: 'begins with a mode of SQL, but a path begins with a key',
    fix: (text) => text.replace(/^\w+\s+/, ''),
  },
  {
    found: /\{\{|[$#]\{/,
    problem: 'has the braces of a template, but a path is only what stands between them',
    fix: withoutBraces,
  },
  {
    found: /->|#>>?\s*'/,
    problem: 'has an arrow, but a path is split on dots',
    fix: withoutArrows,
  },
  {
    found: /\?\./,
    problem: "has '?.', but a path passes over what is not there in any case",
    fix: (text) => text.replace(/\?\.(\[?)/g, (_, bracket) => bracket || '.'),
  },
  {
    found: /(?:^|\.)#(?:[.[(]|$)/,
    problem: MANY,
    fix: (text) => text.replace(/(^|\.)#(?:\([^()]*\)#?)?(?=[.[]|$)/g, '$1[0]'),
  },
  {
    found: /(?:^|\.)(["'`])(?:[^.[\]]*|(?:(?!\1).)*)\1(?:[.[]|$)/s,
    problem: 'has quotes around a key, which belong in brackets, and only where the key has a dot',
    fix: (text) =>
      text.replace(
        /(^|\.)(["'`])([^.[\]]*|(?:(?!\2).)*)\2(?=[.[]|$)/gs,
        (whole, dot: string, _, key: string) => step(key, dot) ?? whole,
      ),
  },
  {
    found: /(?:^|\.)[^.[\]]*\\\./,
    problem: 'has a dot with a backslash, but a key with a dot stands in brackets and quotes',
    fix: (text) =>
      text.replace(
        /(^|\.)((?:[^.[\]\\]|\\[^[\]])+)/g,
        (whole, dot: string, key: string) => (key.includes('\\.') && step(unescapeKey(key), dot)) || whole,
      ),
  },
];

/** `{{ $json.a | upper }}` → `a`. What is no plain path stays as it is. */
function withoutBraces(text: string): string {
  const [, inside = ''] = /^[=$#]?\{{1,3}([^{}]*)\}{1,3}$/.exec(text) ?? [];
  const path = inside
    .replace(/\|.*$/s, '')
    .trim()
    .replace(/^#\w+\s+/, '')
    .replace(/^\$json(?:\.|(?=\[))/, '');
  return path === '' || /[\s()/>&!^=?:+#@]/.test(path) ? text : path;
}

/** `a->'b'->>'$.c'` → `a.b.c`, and `a#>'{b,c}'` → `a.b.c`. What is more than that stays as it is. */
function withoutArrows(text: string): string {
  if (/[()]|::/.test(text)) return text;
  return text
    .replace(/\s*->>?\s*(?:'([^']*)'|"([^"]*)")(?=\s*(?:[-#]>|[.[]|$))/g, (whole, single, double) => {
      const key: string = single ?? double;
      return /^\$(?:[.[*]|$)/.test(key) ? key.slice(1) : (step(key) ?? whole);
    })
    .replace(/\s*#>>?\s*'\{([^{}'"]*)\}'(?=\s*(?:[.[]|$))/g, (whole, keys: string) => {
      const steps = keys.split(',').map((key) => step(key.trim()));
      return steps.includes(null) ? whole : steps.join('');
    })
    .replace(/\s*->>?\s*(?=[^\s'"`<>{}$#-])/g, '.');
}

/** One key of a path. `null`: only a list of keys can spell it. */
function step(key: string, dot = '.'): string | null {
  if (/^[\p{L}\p{N}_](?:[\p{L}\p{N}_ -]*[\p{L}\p{N}_])?$/u.test(key)) return dot + key;
  if (/[\\[\]]/.test(key)) return null;
  if (!key.includes('"')) return `["${key}"]`;
  return key.includes("'") ? null : `['${key}']`;
}

export function unescapeKey(key: string): string {
  return key.replace(/\\(.)/g, '$1');
}

/** As RFC 6901 escapes the keys of a JSON pointer. */
export function unescapePointer(key: string): string {
  return key.replaceAll('~1', '/').replaceAll('~0', '~');
}
