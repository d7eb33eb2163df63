import type { JsonValue } from '../../../extraction/json-value.js';

/** Task data, and paths into it. A slash separates the segments of a path. */
export interface ReadDocument {
  readonly document: JsonValue;
  readonly paths: readonly string[];
}

const MEMBERS: JsonValue = {
  text: 'it\'s "quoted" \\ größe 価格 🧾\n',
  empty: '',
  zero: 0,
  no: false,
  nothing: null,
  price: 1.1,
  big: 9_007_199_254_740_991, // beyond it, a parsed document may have lost digits
  small: -0.000_001,
  digits: '007',
  list: [[1, 2], { article: 'pump' }, null],
  members: { b: 1, a: { c: [] } },
  'a.b': { 'c d': 'dotted' },
  'it"s': { "o'ne": 'quoted' },
};

export const ORDINARY_DOCUMENTS: readonly ReadDocument[] = [
  { document: MEMBERS, paths: Object.keys(MEMBERS) },
  { document: MEMBERS, paths: ['list/0/1', 'list/1/article', 'list/2', 'list/3', 'members/a/c'] },
  { document: MEMBERS, paths: ['a.b/c d', 'a/b', 'it"s/o\'ne', 'nothing/more', 'missing', 'text/length'] },
];

/** Documents that databases may read differently from JavaScript. */
export const TRAPS: readonly ReadDocument[] = [
  {
    document: { list: ['a', 'b'] },
    paths: [
      'list/-1',
      'list/01',
      'list/+1',
      'list/ 1',
      'list/1.0',
      'list/length',
      'list/1',
      'list/2',
      'list/',
    ],
  },
  {
    document: { scalar: 5, flag: true, text: 'abc', nothing: null },
    paths: ['scalar/0', 'flag/0', 'text/0', 'text/length', 'nothing/0', 'nothing'],
  },
  {
    document: {
      members: { '0': 'zero', '-1': 'minus', '': 'empty', '01': 'padded', $: 'dollar', '*': 'star' },
    },
    paths: ['members/0', 'members/-1', 'members/', 'members/01', 'members/$', 'members/*', 'members/**'],
  },
  { document: ['a', ['b']], paths: ['0', '1/0', '-1', '2'] },
  { document: 'scalar', paths: ['0', 'scalar', 'length'] },
  {
    document: { null: { null: 'text' }, text: 'null', digits: '5', number: 5, yes: 'true', list: [null] },
    paths: ['null/null', 'null', 'text', 'digits', 'number', 'yes', 'list/0', 'list'],
  },
  {
    document: { constructor: 'own', deep: {} },
    paths: ['constructor', 'deep/constructor', 'deep/__proto__'],
  },
];
