import { describe, expect, test } from 'vitest';
import {
  describeDiff,
  diffExtractionPaths,
  type ExtractionPath,
  InvalidInputError,
} from '../../src/index.js';

const sentencesFor = (before: readonly ExtractionPath[], after: readonly ExtractionPath[]) =>
  describeDiff(diffExtractionPaths(before, after));
const path = (key: string, text: ExtractionPath['path'] = key): ExtractionPath => ({ key, path: text });

describe('a diff in words', () => {
  test('says what is new, reads another path, is removed or may have a new name', () => {
    const before = [path('amount', 'invoice.amount'), path('no', 'invoice.number'), path('old'), path('due')];
    const after = [
      path('amount', 'invoice.total'),
      path('number', ['invoice', 'number']),
      path('city', 'customer["home address"].city'),
      path('due', ['due']),
    ];
    expect(sentencesFor(before, after)).toEqual([
      'Key "number" is new. It reads invoice.number.',
      'Key "city" is new. It reads customer.home address.city.',
      'Key "amount" reads invoice.total now. Before, it read invoice.amount.',
      'Key "no" is removed. It read invoice.number.',
      'Key "old" is removed. It read old.',
      'Key "number" may be key "no" under a new name, because both read invoice.number. Values that are stored under "no" keep that name.',
      '1 key is unchanged: "due".',
    ]);
  });

  test('says that nothing has changed, and names the first ten keys', () => {
    expect(sentencesFor([], [])).toEqual(['No key is new, changed or removed.']);
    const paths = Array.from({ length: 12 }, (_, index) => path(`k${index}`));
    expect(sentencesFor(paths, paths)).toEqual([
      'No key is new, changed or removed.',
      '12 keys are unchanged: "k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9" and 2 more.',
    ]);
  });

  test('says which path cannot be used, and what to write instead', () => {
    const [, sentence] = sentencesFor([path('bad', '$.a')], [path('bad', '$.a')]);
    expect(sentence).toMatch(
      /^Key "bad" is not read, because its path cannot be used\. path: '\$\.a' begins with .*write 'a'/,
    );
  });

  test('is one line per sentence, whatever the keys and paths hold', () => {
    const odd = path('line\nbreak\u202e"', ['a\nb', '["\'']);
    const sentences = sentencesFor([odd], []);
    expect(sentences).toHaveLength(1);
    expect(sentences[0]).not.toMatch(/[\n\u202e]/);
  });

  test.each(['\u00ad', '\u200b', '\u200c', '\u200d', '\u2060', '\ufeff', '\ufe0f', '\u3164', '\u{e0041}'])(
    'tells keys apart that differ only in an invisible character: %j',
    (invisible) => {
      const sentences = sentencesFor([path('city', 'x')], [path(`ci${invisible}ty`, 'x')]);
      expect(sentences.join()).not.toContain(invisible);
      expect(sentences.join()).toContain('"ci\\u');
    },
  );

  test('is the same for a diff that comes out of JSON', () => {
    const diff = diffExtractionPaths([path('a')], [path('b', 'a')]);
    expect(describeDiff(JSON.parse(JSON.stringify(diff)))).toEqual(describeDiff(diff));
  });

  test.each([[null], [{}], [[path('a')]], [{ added: 'a' }]])('of what is no diff is refused: %j', (diff) => {
    expect(() => describeDiff(diff as never)).toThrow(InvalidInputError);
  });

  test.each([
    { added: [null] },
    { removed: [{ key: 5, path: 'a' }] },
    { unchanged: [{ key: 'a', path: 5 }] },
    { changed: [{ key: 'a' }] },
    { possibleRenames: [{ from: 'a', to: 'b' }] },
    { unusable: [{ key: 'a' }] },
  ])('an entry that no diff has is refused: %j', (wrong) => {
    const diff = { ...diffExtractionPaths([], []), ...wrong };
    expect(() => describeDiff(diff as never)).toThrow(InvalidInputError);
  });
});
