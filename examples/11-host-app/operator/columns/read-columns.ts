import type { MetadataColumn } from 'process-metadata-backfill';
import { pathText } from '../format.js';
import type { OperatedService, StoredModel } from '../ports.js';

/** A column of the reports: a key of a model. */
export interface Column {
  readonly key: string;
  /** As the model has it now. */
  readonly path: string;
  /** Which run fills it, and what proves it. `null`: it was never requested. */
  readonly facts: MetadataColumn | null;
}

/** The columns that a model has now, in its order. */
export async function readColumns(
  service: Pick<OperatedService, 'columns'>,
  model: Pick<StoredModel, 'id' | 'paths'>,
): Promise<readonly Column[]> {
  const known = await service.columns(model.id);
  return model.paths.map(({ key, path }) => ({
    key,
    path: pathText(path),
    facts: known.find((column) => column.key === key) ?? null,
  }));
}
