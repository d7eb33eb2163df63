import pLimit from 'p-limit';
import { findActiveRuns, loadReadable, readableHeaders } from '../run/calls/find-runs.js';
import { portCalls } from '../run/calls/port-calls.js';
import { loadRecords } from '../run/calls/run-records.js';
import type { RunContext } from '../run/context/run-context.js';
import { columnOf, type MetadataColumn } from '../run/record/metadata-column.js';
import { ownersFrom, ownersRunId } from '../run/record/owner-record.js';

const MOST_AT_ONCE = 4;

/** The keys in the owner record of a model. Each run that fills some of them is loaded once. */
export async function listColumns(
  context: RunContext,
  processModelId: string,
): Promise<readonly MetadataColumn[]> {
  const calls = portCalls(context, null, { isStored: false });
  const [record] = await loadRecords(context, ownersRunId(processModelId), { calls });
  if (record === undefined) return [];
  const { keys } = ownersFrom(record);
  const records = [];
  for await (const active of findActiveRuns(context, processModelId)) records.push(active);
  const active = { runIds: records.map(({ runId }) => runId), headers: readableHeaders(context, records) };
  const limit = pLimit(MOST_AT_ONCE);
  const ids = [...new Set(keys.flatMap(({ filler }) => filler ?? []))];
  const fillers = await Promise.all(
    ids.map((runId) => limit(() => loadReadable(context, { runId, processModelId }))),
  );
  const byId = new Map(ids.map((runId, index) => [runId, fillers[index] ?? null]));
  return keys.map((owned) => columnOf(owned, byId.get(owned.filler ?? '') ?? null, active));
}
