import { createRepository } from '../../../examples/2-embedded-postgres/repository.js';
import { spiffTables } from '../../support/spiff-repository.js';
import { NOT_OFFERED_BY_EXAMPLE_2, postgresWriter } from '../../testing/fixtures/postgres-fixture.js';
import { AMONG, type Host } from './host.js';

/** The tables of example 2. */
export const spiffArena: Host<number> = {
  title: 'spiff-arena',
  schema: await spiffTables(),
  runs: 'metadata_backfill_run',
  isTrue: 'metadata_backfill_run_is_true',
  traits: {},
  notOffered: NOT_OFFERED_BY_EXAMPLE_2,
  createRepository: (database) => createRepository(database),
  writer: (sql) => ({
    ...postgresWriter(sql),
    async clear(ids) {
      await sql.query(`delete from process_instance where id::text ${AMONG}`, [JSON.stringify(ids)]);
      await sql.query(
        'delete from json_data where not exists (select from task where json_data_hash = hash)',
      );
    },
  }),
};
