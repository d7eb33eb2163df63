import type { IdType, PostgresConfiguration } from '../configuration.js';
import type { MetadataStore } from '../metadata/metadata-store.js';
import { storeOfColumn } from '../metadata/store-of-column.js';
import { storeOfRows } from '../metadata/store-of-rows.js';
import { type Documents, documentsOf } from './documents.js';
import { type Instances, instancesOf } from './instances.js';
import { type MetadataSize, metadataSizeOf } from './metadata-size.js';
import { type RunTable, runTableOf } from './run-table.js';

/** SQL about the tables of a configuration. */
export interface Tables {
  readonly instances: Instances;
  readonly documents: Documents;
  readonly metadata: MetadataStore;
  readonly metadataSize: MetadataSize;
  readonly runs: RunTable;
}

export function tablesOf<Transaction>(configuration: PostgresConfiguration<Transaction, IdType>): Tables {
  const { metadata } = configuration;
  const instances = instancesOf(configuration.instances);
  return {
    instances,
    documents: documentsOf(configuration.taskData, instances),
    metadata: 'table' in metadata ? storeOfRows(metadata, instances) : storeOfColumn(metadata, instances),
    metadataSize: metadataSizeOf('table' in metadata ? metadata.table : null),
    runs: runTableOf(configuration.runs?.table),
  };
}
