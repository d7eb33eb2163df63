import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';
import { fillInstance } from './instance-by-instance.js';

/** The loop that people write: all at once, as many at a time as the pool has connections; no transaction. */
export const promiseAll: Candidate = {
  name: 'Promise.all over instances',
  most: 2000,
  open: async ({ sql }, scenario) => ({
    async run(instances) {
      const paths = pathsOf(scenario);
      const all = await sql.query<{ id: number }>(SELECT_ALL, [MODEL, instances]);
      await Promise.all(all.map(({ id }) => fillInstance(sql, id, paths)));
    },
  }),
};

const SELECT_ALL = 'select id from process_instance where process_model_identifier = $1 order by id limit $2';
