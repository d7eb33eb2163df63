import { MODEL, pathsOf } from '../scenario.js';
import type { Candidate } from './candidate.js';
import { segmentsOf } from './single-statement.js';

/** The same for members of a jsonb column: no checkpoint, no progress, no guard. */
export const singleUpdate: Candidate = {
  name: 'one UPDATE',
  most: Number.POSITIVE_INFINITY,
  open: async ({ sql }, scenario) => ({
    async run(instances) {
      const members = pathsOf(scenario).map(
        ({ key, path }) => `'${key}', context #> '{${segmentsOf(String(path))}}'`,
      );
      await sql.query(
        `update instances
         set metadata = coalesce(metadata, '{}') || jsonb_build_object(${members}), updated_at = now()
         where model = $1 and created_at <= timestamptz '2026-01-01Z' + $2::int * interval '1 s'`,
        [MODEL, instances],
      );
    },
  }),
};
