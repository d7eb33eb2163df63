import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';
import { fillInstance } from './instance-by-instance.js';

const PAGE = 100;

/** What spiff-arena does: pages by OFFSET, then instance by instance; a transaction a page. */
export const reference: Candidate = {
  name: 'the reference’s algorithm',
  most: 2000,
  open: async ({ sql }, scenario) => ({
    async run(instances) {
      const paths = pathsOf(scenario);
      for (let offset = 0; offset < instances; offset += PAGE) {
        await sql.transaction(async (transaction) => {
          const limit = Math.min(PAGE, instances - offset);
          const page = await transaction.query<{ id: number }>(SELECT_PAGE, [MODEL, offset, limit]);
          for (const { id } of page) await fillInstance(transaction, id, paths);
        });
      }
    },
  }),
};

const SELECT_PAGE = `
  select * from process_instance where process_model_identifier = $1 order by id offset $2 limit $3`;
