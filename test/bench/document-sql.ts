import { DETAILS } from './scenario.js';

const FRAME_BYTES = 560;
const LINE_BYTES = 99;

/** SQL for an invoice as JSON text: always the same one for the same `n`, size and seed. One in a hundred has no city. */
export function documentSql(n: string, kilobytes: number, seed: number): string {
  const number = (salt: string, below: number) =>
    `(abs(hashint8extended(${n}::bigint * 1000003 + ${salt}, ${seed})) % ${below})`;
  const lines = Math.max(1, Math.round((kilobytes * 1000 - FRAME_BYTES) / LINE_BYTES));
  const city = `(array['Oslo','Bergen','Malmö','Lyon','Gent','Porto','Graz','Brno'])[1 + ${number('1', 8)}]`;
  const details = Array.from(
    { length: DETAILS },
    (_, index) => `'"d${index}": "detail ' || ${number(`10 + ${index}`, 1_000_000)} || '"'`,
  );
  return `'{"invoice": {"number": "INV-' || ${n} || '", "amount": ' || ${number('2', 100_000)} || ', "currency": "EUR"}, '
    || '"customer": {"id": "C-' || ${number('3', 50_000)} || '", "address": {"street": "Main street ' || ${number('4', 300)} || '"'
    || case when ${n} % 100 = 0 then '' else ', "city": "' || ${city} || '"' end || '}}, '
    || '"details": {' || ${details.join(` || ', ' || `)} || '}, "lines": ['
    || (select string_agg('{"position": ' || l || ', "article": "A-' || ${number('l * 7', 90_000)}
      || '", "text": "spare part, size ' || ${number('l * 7 + 1', 90)} || '", "quantity": ' || ${number('l * 7 + 2', 40)}
      || ', "price": ' || ${number('l * 7 + 3', 9_000)} || '.5}', ', ' order by l) from generate_series(1, ${lines}) l)
    || ']}'`;
}
