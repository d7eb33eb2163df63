import { PGlite, types } from '@electric-sql/pglite';
import { afterAll, expect, test } from 'vitest';
import {
  fromPglite,
  type Pglite,
  type PgliteTransaction,
} from '../../../src/postgres/connections/from-pglite.js';
import { createPglite } from '../../support/pglite.js';

const opening = createPglite();
afterAll(async () => (await opening).close());

test('refuses what is no PGlite, and says what to pass', () => {
  const refuse = (value: unknown, got: string) => {
    expect(() => fromPglite(value as Pglite)).toThrow(
      refusal(`fromPglite: expected what await PGlite.create() returns, ${got}`),
    );
  };
  refuse(undefined, 'got nothing');
  refuse('./pgdata', 'got "./pgdata"');
  refuse(opening, 'got an object');
});

test('refuses what is no transaction of PGlite, and says what to pass', async () => {
  const pglite = await opening;
  for (const [value, got] of [
    [undefined, 'got nothing'],
    [pglite, 'got an object'],
  ] as const) {
    expect(() => fromPglite(pglite).within?.(value as unknown as PgliteTransaction)).toThrow(
      refusal(
        `fromPglite, transaction: expected what PGlite passes to the callback of transaction(), ${got}`,
      ),
    );
  }
});

test('returns the default types, whatever the types of the host are', async () => {
  const ofHost = () => 'of the host';
  const parsers = {
    [types.BOOL]: ofHost,
    [types.INT4]: ofHost,
    [types.TEXT]: ofHost,
    [types.VARCHAR]: ofHost,
  };
  const pglite = await PGlite.create({ parsers });
  expect(
    await fromPglite(pglite).query("select true as a, 'b'::text as b, 'c'::varchar as c, 4 as d", []),
  ).toEqual([{ a: true, b: 'b', c: 'c', d: 4 }]);
  await pglite.close();
});

function refusal(message: string): unknown {
  return expect.objectContaining({ name: 'InvalidInputError', code: 'INVALID_INPUT', message });
}
