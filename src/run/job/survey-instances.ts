import type { Cursor, InstanceSelection, InstanceSurvey, SurveyQuery } from '../../ports/repository.js';
import { splitProblem, surveyProblem } from '../calls/check-answers.js';
import type { PortCalls } from '../calls/port-calls.js';
import type { RunContext } from '../context/run-context.js';

type Surveyor = Pick<RunContext, 'repository' | 'signal' | 'compareCursors'>;

/**
 * Counts instances and finds the cursor of the last one.
 * @throws {RepositoryContractError} when the answer cannot be right.
 */
export async function surveyInstances(
  { repository, signal }: Surveyor,
  calls: PortCalls,
  query: Omit<SurveyQuery, 'signal'>,
): Promise<InstanceSurvey> {
  const survey = await calls.call('repository.surveyInstances', () =>
    repository.surveyInstances({ ...query, signal }),
  );
  const problem = surveyProblem(survey);
  if (problem !== null) throw calls.contractError(`surveyInstances: ${problem}`);
  return survey;
}

/** Where each of at most `parts` shards of a surveyed selection ends, ascending. `[null]` where there is nothing. */
export async function splitInstances(
  context: Surveyor,
  calls: PortCalls,
  selection: InstanceSelection,
  { total, upTo }: InstanceSurvey,
  parts: number,
): Promise<readonly (Cursor | null)[]> {
  if (upTo === null || parts === 1) return [upTo];
  const { repository, signal, compareCursors: compare } = context;
  const range = { ...selection, after: null, upTo };
  const ask = repository.splitInstances?.bind(repository);
  const bounds =
    ask === undefined
      ? await countOff(context, calls, selection, Math.ceil(total / parts), total)
      : await calls.call('repository.splitInstances', () => ask({ ...range, total, parts, signal }));
  const inside = ask === undefined ? bounds.filter((cursor) => compare(cursor, upTo) < 0) : bounds;
  const problem = splitProblem(inside, { ...range, parts }, compare);
  if (problem !== null)
    throw calls.contractError(`${ask === undefined ? 'surveyInstances' : 'splitInstances'}: ${problem}`);
  return [...inside, upTo];
}

/** Without a split by the repository: one survey per part, each of as many instances as a part holds. */
async function countOff(
  context: Surveyor,
  calls: PortCalls,
  selection: InstanceSelection,
  size: number,
  total: number,
): Promise<readonly Cursor[]> {
  const bounds: Cursor[] = [];
  for (let counted = size; counted < total; counted += size) {
    const after = bounds.at(-1) ?? null;
    const { upTo } = await surveyInstances(context, calls, { ...selection, after, limit: size });
    if (upTo === null) break; // deleted since the survey
    bounds.push(upTo);
  }
  return bounds;
}
