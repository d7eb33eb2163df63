import { describe, expect, test } from 'vitest';
import { splitPath } from '../../src/extraction/extraction-path.js';
import { createPathSuggester } from '../../src/look/suggest-paths.js';

const DOCUMENT = {
  invoice: { number: 'INV-7', amount: 12.5, date: '2026-01-01', id: 7, 'due date': 'soon', reference2: 'R' },
  customer: { address: { city: 'Oslo', street: 'Main street' }, name: 'Berg', id: 'C-1' },
  items: [{ sku: 'A' }, { sku: 'B' }],
  tags: ['new'],
  Kunde: { 'Stra\u00dfe': { 'caf\u00e9': 'x' }, 'Vertr\u00e4ge': { id: 1 } },
  nothing: null,
};

const suggest = (path: string, documents: readonly unknown[] = [DOCUMENT]) => {
  const suggester = createPathSuggester([splitPath(path) ?? []], documents.length);
  for (const document of documents) suggester.look(document);
  return suggester.suggestions()[0] ?? [];
};
const namesFor = (path: string, documents?: readonly unknown[]) =>
  suggest(path, documents).map((suggestion) => suggestion.path);

describe('the path that comes first', () => {
  test.each([
    ['two swapped letters', 'invoice.nubmer', 'invoice.number'],
    ['two swapped letters of a short word', 'customer.address.ctiy', 'customer.address.city'],
    ['a missing letter', 'customer.adress.city', 'customer.address.city'],
    ['a letter too many', 'invoice.ammount', 'invoice.amount'],
    ['a slip in an earlier name', 'invioce.number', 'invoice.number'],
    ['another letter case', 'Invoice.Number', 'invoice.number'],
    ['another letter case of a short word', 'invoice.ID', 'invoice.id'],
    ['other marks between words', 'invoice.due_date', 'invoice.due date'],
    ['a level too short at the start', 'number', 'invoice.number'],
    ['a level too short in the middle', 'customer.city', 'customer.address.city'],
    ['two levels too short', 'city', 'customer.address.city'],
    ['a level too long at the start', 'data.invoice.number', 'invoice.number'],
    ['a level too long at the end', 'invoice.number.text', 'invoice.number'],
    [
      'another letter case of a letter with a mark',
      'Kunde.Stra\u00dfe.Caf\u00c9',
      'Kunde.Stra\u00dfe.caf\u00e9',
    ],
    ['a mark as a character of its own', 'Kunde.Stra\u00dfe.cafe\u0301', 'Kunde.Stra\u00dfe.caf\u00e9'],
    ['a letter of full width', 'Kunde.Stra\u00dfe.\uff43af\u00e9', 'Kunde.Stra\u00dfe.caf\u00e9'],
    ['a mark within one character', 'Kunde.Vertra\u0308ge.id', 'Kunde.Vertr\u00e4ge.id'],
    ['levels in one name', 'invoice_number', 'invoice.number'],
    ['an index beyond the list', 'items[2].sku', 'items[0].sku'],
    ['an index beyond the list, at the end', 'tags[1]', 'tags[0]'],
    ['no index into a list', 'items.sku', 'items[0].sku'],
    ['an index into what is no list', 'invoice[0].number', 'invoice.number'],
    ['an index into a text', 'invoice.number[0]', 'invoice.number'],
    ['a slip in a name with a number', 'invoice.refrence2', 'invoice.reference2'],
    ['other marks before a number', 'invoice.reference_2', 'invoice.reference2'],
  ])('for %s: %s', (_, path, expected) => {
    expect(namesFor(path)[0]).toBe(expected);
  });

  test.each([
    ['street', 'street2'],
    ['numbers', 'number'],
    ['line', 'lines'],
  ])('for an index too many is the same name, also beside a similar one: %s, %s', (name, similar) => {
    const document = { invoice: { [similar]: 'one', [name]: 'other' } };
    expect(namesFor(`invoice.${name}[0]`, [document])[0]).toBe(`invoice.${name}`);
  });
});

describe('no path is suggested', () => {
  test.each([
    ['the same name elsewhere', 'refund.amount'],
    ['the same short name elsewhere', 'order.id'],
    ['a short name a level too short', 'sku'],
    ['another short word', 'invoice.no'],
    ['a word with one other letter', 'invoice.rate'],
    ['another word', 'invoice.discount'],
    ['a longer name', 'customer.vat_id'],
    ['another number at the end of a name', 'customer.address.street2'],
    ['another number at the end of a short word', 'customer.name2'],
    ['another number in an earlier name', 'customer.address2.city'],
    ['another number within a name', 'invoice.due2date'],
    ['the path itself', 'invoice.number'],
    ['a null', 'nothin'],
  ])('for %s: %s', (_, path) => {
    expect(namesFor(path)).toEqual([]);
  });

  test('that is there beside the path that was asked for: it is another one', () => {
    const both = { invoice: { discount: 5, discounted: 95 } };
    const one = { invoice: { discount: 5 } };
    expect(namesFor('invoice.discounted', [one, one])).toEqual(['invoice.discount']);
    expect(namesFor('invoice.discounted', [one, both, one])).toEqual([]);
  });

  test.each([
    ['line2', 'line1'],
    ['line', 'line1'],
    ['phone1', 'phone'],
    ['007', '0071'],
  ])('for a name with another number: %s beside %s', (asked, existing) => {
    expect(namesFor(`contact.${asked}`, [{ contact: { [existing]: 'x' } }])).toEqual([]);
  });

  test('that is there beside a null at the path that was asked for', () => {
    expect(namesFor('number', [{ number: null, numbers: 1 }, { numbers: 1 }, { numbers: 1 }])).toEqual([]);
  });

  test('that is no more frequent than the path that was asked for', () => {
    expect(namesFor('number', [{ number: 1 }, { numbers: 1 }])).toEqual([]);
    expect(namesFor('number', [{ number: 1 }, { numbers: 1 }, { numbers: 2 }])).toEqual(['numbers']);
  });
});

describe('suggestions', () => {
  test('show how many documents have the path, and a value, cut if it is long', () => {
    const documents = [{ text: 'x'.repeat(500) }, { other: 1 }, {}, undefined];
    expect(suggest('texts', documents)).toEqual([
      { path: 'text', found: 0.25, sample: `${'x'.repeat(200)}…` },
    ]);
  });

  test('count each document with a value at the path, even an object, which alone is too unlike to be suggested', () => {
    const text = { order: { customer: 'ACME' } };
    const object = { order: { customer: { name: 'ACME' } } };
    const [first] = suggest('order.cstmr', [object, text, object]);
    expect(first).toEqual({ path: 'order.customer', found: 1, sample: 'ACME' });
    expect(namesFor('order.cstmr', [object])).toEqual([]);
  });

  test('read few values for many paths and large documents: only the first 50 paths get any, from values near the top', () => {
    const members = Array.from({ length: 1000 }, (_, index) => [`field_${index}`, { value: index }]);
    const document = { near: 'top', ...Object.fromEntries(members) };
    const asked = Array.from({ length: 51 }, () => ['naer']);
    let reads = 0;
    const counted = new Proxy(document, {
      get(...args) {
        reads += 1;
        return Reflect.get(...args);
      },
    });
    const suggester = createPathSuggester(asked, 50);
    for (let times = 0; times < 50; times += 1) suggester.look(counted);
    const names = suggester.suggestions().map((found) => found.map(({ path }) => path));

    expect(names).toEqual([...Array.from({ length: 50 }, () => ['near']), []]);
    expect(reads).toBeLessThanOrEqual(50 * 600);
  });

  test('are at most three, the nearest first, and one of those that differ in an index only', () => {
    const document = {
      lines: [{ article: 1 }, { article: 2 }],
      articel: 4,
      Article: 5,
      article_: 6,
      articles: 7,
    };
    const names = namesFor('article', [document]);
    expect(names).toHaveLength(3);
    expect(names.slice(0, 2)).toEqual(['Article', 'article_']);
    expect(namesFor('lines[7].article', [document])).toEqual(['lines[0].article', 'Article', 'article_']);
  });

  test('can be used as paths, also where no text spells them', () => {
    const document = { 'a]b["\'': { number: 1 } };
    expect(namesFor('number', [document])).toEqual([['a]b["\'', 'number']]);
  });

  test('come from what can be read of odd documents', () => {
    const odd = {
      number: 1,
      get broken(): never {
        throw new Error('not readable');
      },
    };
    const cyclic: Record<string, unknown> = { number: 1 };
    cyclic.self = cyclic;
    let deep: object = {};
    for (let depth = 0; depth < 20_000; depth += 1) deep = { deep };
    const proxy = new Proxy({}, { ownKeys: () => ['number'] });
    for (const document of [odd, cyclic, { number: 1, deep }])
      expect(namesFor('numbre', [document])[0]).toBe('number');
    for (const document of [proxy, null, 7, 'text', new Map(), Symbol('odd')])
      expect(namesFor('numbre', [document])).toEqual([]);
  });
});
