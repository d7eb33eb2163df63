import { compilePath } from '../../../extraction/extract-metadata.js';
import type { JsonValue } from '../../../extraction/json-value.js';
import { parseJson } from '../../../extraction/parse-json.js';
import type { PagePath, TaskData } from '../../../ports/repository.js';
import { ownError } from '../expectations.js';

/** What a run finds at a path of a page. `undefined` if nothing is there. */
export function valueAt(
  data: TaskData,
  { key, segments }: Pick<PagePath, 'key' | 'segments'>,
): JsonValue | undefined {
  switch (data.form) {
    case 'none':
      return undefined;
    case 'values':
      return data.values.get(key);
    case 'parsed':
      return compilePath(segments)(data.value);
    case 'json':
      return compilePath(segments)(parseJson(data.text));
    case 'unreadable':
      throw ownError(`the page says that the task data is unreadable: ${data.reason}`);
  }
}
