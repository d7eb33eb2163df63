import { sumOfDifferences } from './difference-counts.js';
import { isFill, isTrial } from './run-definition.js';
import { type Run, type RunHeader, tallyOf } from './run-record.js';
import { isComplete } from './run-state.js';
import { verdictOf } from './verdict.js';

const MOST_WARNINGS = 50;

/** What somebody should look at in a run, in sentences for people. Most of it is known only once the run is complete. */
export function warningsOf(run: Run): string[] {
  const { header } = run;
  const taken = header.droppedKeys.map(({ key, takenBy }) =>
    takenBy === null
      ? `Key ${quote(key)} was removed from the model, or reads another path there. This run no longer writes it.`
      : `Key ${quote(key)} was taken over by run ${takenBy}. This run no longer writes it.`,
  );
  const known = [...taken, ...listWarnings(run)];
  const warnings = isComplete(header.state)
    ? [
        ...known,
        ...instanceWarnings(run),
        ...goneWarnings(run),
        ...lateWarnings(run.header),
        ...keyWarnings(run),
      ]
    : known;
  const more = warnings.length - MOST_WARNINGS;
  return more > 0 ? [...warnings.slice(0, MOST_WARNINGS), `${more} more warnings are left out.`] : warnings;
}

/** Failures are all listed. */
function listWarnings(run: Run): string[] {
  const unlisted = run.shards.reduce((sum, shard) => sum + shard.unlistedDifferences, 0);
  if (unlisted === 0) return [];
  const found = sumOfDifferences(tallyOf(run).differences);
  return [
    `The run counted ${found} differences and lists ${found - unlisted} of them, because each shard lists at most ${run.header.definition.maxListedDifferences} (maxListedDifferences). To list more, verify again with a higher number.`,
  ];
}

function instanceWarnings({ header }: Run): string[] {
  const { processModelId, total, definition } = header;
  const chosen = definition.instanceIds?.length ?? 0;
  const missing = chosen - (total ?? 0);
  if (chosen > 0 && missing > 0 && (total ?? 0) < (definition.limit ?? chosen))
    return [
      `${missing} of the ${chosen} chosen instanceIds were not found in process model ${quote(processModelId)}. Check the ids, and whether they are strings or numbers.`,
    ];
  return total === 0
    ? [`No instance of process model ${quote(processModelId)} was found. Check the id of the model.`]
    : [];
}

function goneWarnings(run: Run): string[] {
  const { gone } = tallyOf(run);
  if (gone === 0 || !run.header.definition.dryRun || verdictOf(run) !== 'unknown') return [];
  return [
    `${instances(gone)} could not be looked at, probably deleted during the run. So the verdict is unknown. Repeat the dry run.`,
  ];
}

/** A walk cannot see an instance whose transaction is still open. */
function lateWarnings({ definition, settled }: RunHeader): string[] {
  if (settled === false)
    return [
      'Transactions that were open when the last walk began did not end in time. If they have inserted instances since, request the same keys again.',
    ];
  if (settled === true || isTrial(definition) || isFill(definition)) return [];
  return [
    'Instances whose insert was not committed yet when the run began may be missing, because the repository has no `settled`. If there may be any, request the same keys again.',
  ];
}

function keyWarnings(run: Run): string[] {
  const dropped = new Set(run.header.droppedKeys.map(({ key }) => key));
  const tally = tallyOf(run);
  return run.header.definition.paths.flatMap(({ key, segments, mode }, index) => {
    const counts = tally.keys[index];
    if (counts === undefined || dropped.has(key) || mode === 'remove') return [];
    const { written, kept, null: nulls, missing, failed, orphaned, cleared } = counts;
    const path = `Path ${quote(segments.join('.'))} of key ${quote(key)}`;
    const stale = orphaned - cleared;
    const isTaken = (run.header.claims[index]?.formerPaths ?? []).length > 0;
    const remedy = run.header.definition.clear
      ? 'These instances are still running, and their next save decides.'
      : "To remove them, request the key with mode 'overwrite' and clear: true.";
    return [
      ...(isTaken && mode === 'fill' && kept > 0
        ? [
            `Key ${quote(key)} was taken over from a run that had not completed. Values kept because they differ from what its path gives: ${kept}. Check them, or request the key with mode 'overwrite'.`,
          ]
        : []),
      ...(missing > 0 && written + nulls + stale === 0 && kept < (mode === 'fill' ? missing : 1)
        ? [
            `${path} found nothing in ${missing === 1 ? 'the only instance' : `any of ${missing} instances`}${failed > 0 ? ` (${failed} failed)` : ''}${cleared > 0 ? `, although ${instances(cleared)} had a stored value` : ''}. Check the path.`,
          ]
        : []),
      ...(stale > 0
        ? [
            `${path} no longer finds a value in ${instances(stale)} with a stored one. These values stay. ${remedy}`,
          ]
        : []),
    ];
  });
}

function instances(count: number): string {
  return count === 1 ? '1 instance' : `${count} instances`;
}

function quote(text: string): string {
  return JSON.stringify(text);
}
