import { describe, expect, test } from 'vitest';
import { splitPath } from '../../src/extraction/extraction-path.js';
import { spellPath } from '../../src/extraction/spell-path.js';

describe('a path is spelled', () => {
  test.each<[string, readonly string[], string | readonly string[]]>([
    ['with dots', ['invoice', 'number'], 'invoice.number'],
    ['with an index in brackets', ['lines', '0', 'sku'], 'lines[0].sku'],
    ['with an index at the start', ['0', 'sku'], '[0].sku'],
    ['with a key in brackets', ['customer', 'e.mail'], 'customer["e.mail"]'],
    ['with single quotes around double ones', ['a', 'say.["hi"]'], `a['say.["hi"]']`],
    ['with the key in brackets at the start', ['$', 'a'], '["$"].a'],
    ['as segments where a key has both quotes', ['a', `["'`], ['a', `["'`]],
    ['with quotes around nothing', ['a', ''], 'a[""]'],
    ['with a key that looks like an index of no list', ['a', '01'], 'a.01'],
    ['as segments where a name has a backslash', ['a.b', '[\\'], ['a.b', '[\\']],
    ['as no segments for the whole document', [], []],
  ])('%s: %j', (_, segments, expected) => {
    expect(spellPath(segments)).toEqual(expected);
    if (segments.length > 0) expect(splitPath(spellPath(segments))).toEqual(segments);
  });
});
