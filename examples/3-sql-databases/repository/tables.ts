import type { Generated, Kysely } from 'kysely';

/** The columns of spiff-arena's tables that a backfill uses, and the table of runs that it adds. */
export interface Tables {
  process_instance: {
    id: Generated<number>;
    process_model_identifier: string;
    status: string;
  };
  task: {
    guid: string;
    process_instance_id: number;
    state: string;
    json_data_hash: string;
    end_in_seconds: number | null;
  };
  json_data: {
    hash: string;
    data: string;
  };
  process_instance_metadata: {
    id: Generated<number>;
    process_instance_id: number;
    key: string;
    value: string;
    created_at_in_seconds: number;
    updated_at_in_seconds: number;
  };
  metadata_backfill_run: {
    id: string;
    run_id: string;
    process_model_id: string;
    revision: string;
    active_key: string | null;
    content: string;
  };
}

export type Database = Kysely<Tables>;
