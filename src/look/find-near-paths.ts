import { parseJson } from '../extraction/parse-json.js';
import type { InstanceId, InstanceRange, PagePath, TaskData } from '../ports/repository.js';
import { createBreather } from '../run/context/create-breather.js';
import type { RunContext } from '../run/context/run-context.js';
import { createBatchSizer } from '../run/job/batch-size.js';
import { readPagesOf } from './read-pages-of.js';
import { createPathSuggester, type PathSuggestion } from './suggest-paths.js';

const DOCUMENT: PagePath = { key: 'document', segments: [], mode: 'overwrite' };

/** Looks in the whole documents of some instances for paths like those that were asked for. */
export async function findNearPaths(
  context: RunContext,
  range: Omit<InstanceRange, 'after' | 'instanceIds'>,
  ids: readonly InstanceId[],
  asked: readonly (readonly string[])[],
): Promise<PathSuggestion[][]> {
  const suggester = createPathSuggester(asked, ids.length);
  if (ids.length > 0) {
    const sizer = createBatchSizer(context); // of its own: whole documents may be far larger than values
    const breathe = createBreather(context);
    for await (const { snapshots } of readPagesOf(
      context,
      { ...range, after: null, instanceIds: ids },
      [DOCUMENT],
      sizer,
    )) {
      for (const { data } of snapshots) {
        suggester.look(documentOf(data));
        await breathe();
      }
    }
  }
  return suggester.suggestions();
}

/** `undefined` where there is none, or it cannot be read. */
function documentOf(data: TaskData): unknown {
  switch (data.form) {
    case 'parsed':
      return data.value;
    case 'json':
      try {
        return parseJson(data.text);
      } catch {
        return undefined;
      }
    case 'values':
      return data.values.get(DOCUMENT.key);
    default:
      return undefined;
  }
}
