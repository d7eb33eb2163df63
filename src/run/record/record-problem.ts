import { isRunState } from './run-state.js';

type Members = Readonly<Record<string, unknown>>;

/** What is damaged in the content of a header record, or `null`. */
export function headerProblem(content: object): string | null {
  const { definition, state, activeKey, claims, droppedKeys, walk, total, changes, hasQueue } =
    content as Members;
  const { counts = null, lastControl = null, stateRevisions = [] } = content as Members; // earlier versions have not stored them
  const { paths, instanceIds, dryRun = false, maxListedDifferences = 0 } = Object(definition) as Members;
  if (!isListOf(paths, isDefinedPath)) return 'definition.paths';
  if (instanceIds !== null && !Array.isArray(instanceIds)) return 'definition.instanceIds';
  if (typeof dryRun !== 'boolean') return 'definition.dryRun';
  if (!isCount(maxListedDifferences)) return 'definition.maxListedDifferences';
  if (!isRunState(state)) return 'state';
  if (!isCount(changes)) return 'changes';
  if (typeof activeKey !== 'string') return 'activeKey';
  if (!isListOf(claims, isClaim) || claims.length !== paths.length) return 'claims';
  if (!isListOf(droppedKeys, (dropped) => isText(Object(dropped).key))) return 'droppedKeys';
  if (!isCount(walk)) return 'walk';
  if (typeof hasQueue !== 'boolean') return 'hasQueue';
  if (counts !== null && !isCounted(counts)) return 'counts';
  if (lastControl !== null && !isObject(lastControl)) return 'lastControl';
  if (!isListOf(stateRevisions, isText)) return 'stateRevisions';
  return total === null || isCount(total) ? null : 'total';
}

/** What is damaged in the content of a shard record, or `null`. */
export function shardProblem(content: object): string | null {
  const { index, done, behind, tally, pace, allottedStep, committedStep, changes, commits } =
    content as Members;
  const { failuresFrom = 0, failureRecords = 0 } = content as Members; // earlier versions have not stored them
  const { differencesFrom = 0, differenceRecords = 0 } = content as Members;
  const { unlistedDifferences = 0 } = content as Members;
  if (!isCount(index)) return 'index';
  if (!isCount(changes) || !isCount(commits)) return 'changes or commits';
  if (typeof done !== 'boolean') return 'done';
  if (!isListOf(behind, (left) => isCount(Object(left).tries))) return 'behind';
  if (!isCounted(tally)) return 'tally';
  if (!isListOf(Object(tally).keys, isObject)) return 'tally.keys';
  if (!isCount(failuresFrom) || !isCount(failureRecords)) return 'failuresFrom or failureRecords';
  if (!isCount(differencesFrom) || !isCount(differenceRecords)) return 'differencesFrom or differenceRecords';
  if (!isCount(unlistedDifferences)) return 'unlistedDifferences';
  if (!isListOf(Object(tally).differences ?? [], isObject)) return 'tally.differences';
  if (!isObject(Object(pace).from) || !isObject(Object(pace).next)) return 'pace';
  return isCount(allottedStep) && Number.isSafeInteger(committedStep)
    ? null
    : 'allottedStep or committedStep';
}

function isCounted(counts: unknown): boolean {
  return ['processed', 'updated', 'failed', 'gone'].every((name) => isCount(Object(counts)[name]));
}

function isDefinedPath(path: unknown): boolean {
  const { key, segments } = Object(path) as Members;
  return isText(key) && isListOf(segments, isText);
}

function isClaim(claim: unknown): boolean {
  const { generation, formerPaths } = Object(claim) as Members;
  return isCount(generation) && isListOf(formerPaths, (path) => isListOf(path, isText));
}

export function isListOf(list: unknown, isItem: (item: unknown) => boolean): list is readonly unknown[] {
  return Array.isArray(list) && list.every(isItem);
}

function isObject(value: unknown): boolean {
  return typeof value === 'object' && value !== null;
}

export function isText(value: unknown): boolean {
  return typeof value === 'string';
}

export function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && Number(value) >= 0;
}
