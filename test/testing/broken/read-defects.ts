import type { FixtureTask } from 'process-metadata-backfill/testing';
import type { Defect } from './defect.js';
import { type Rules, SOUND, timeOf } from './rules.js';

/** Repositories that read what they must not, or do not read what they must. */
export const readDefects: readonly Defect[] = [
  {
    title: 'the survey counts all instances, whatever its limit',
    rules: () => ({
      surveyOf: (found) => SOUND.surveyOf(found, null),
    }),
    breaks: ['surveyInstances: counts no'],
  },
  {
    title: 'the survey gives the last cursor, whatever its limit',
    rules: () => ({
      surveyOf: (found, limit) => ({
        ...SOUND.surveyOf(found, limit),
        upTo: found.at(-1)?.cursor ?? null,
      }),
    }),
    breaks: ['surveyInstances: counts no'],
  },
  {
    title: 'the survey of nothing has a bound',
    rules: () => ({
      surveyOf: (found, limit) => (found.length > 0 ? SOUND.surveyOf(found, limit) : { total: 0, upTo: 0 }),
    }),
    breaks: ['surveyInstances: counts only', 'surveyInstances: answers'],
  },
  {
    title: 'a page is not ordered',
    rules: () => ({
      pageOf: (found, limit) => found.slice(0, limit).toReversed(),
    }),
    breaks: [
      'readInstances: in pages',
      'compareCursors: sorts as',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows which',
    ],
  },
  {
    title: 'a page starts with the instances that have values',
    rules: () => ({
      pageOf: (found, limit) =>
        SOUND.pageOf(found, limit).toSorted((a, b) => Number(b.rows.size > 0) - Number(a.rows.size > 0)),
    }),
    breaks: ['readInstances: in pages', 'readInstances: skips'],
  },
  {
    title: 'a page has no limit',
    rules: () => ({ pageOf: (found) => found }),
    breaks: ['readInstances: in pages', 'readInstances: returns the', 'readInstances: skips'],
  },
  {
    title: 'a page has the last instances of its range',
    rules: () => ({ pageOf: (found, limit) => found.slice(-limit) }),
    breaks: ['readInstances: in pages', 'readInstances: returns the', 'readInstances: skips'],
  },
  {
    title: 'the limit of a page counts rows, not instances',
    rules: () => ({
      pageOf(found, limit) {
        let rows = 0;
        return found.filter((instance) => {
          rows += Math.max(1, instance.rows.size);
          return rows <= limit;
        });
      },
    }),
    breaks: ['readInstances: returns the', 'readInstances: skips'],
  },
  {
    title: '`after` is inclusive',
    rules: () => ({ isAfter: (cursor, after) => cursor >= after }),
    breaks: [
      'surveyInstances: counts from',
      'readInstances: in pages',
      'readInstances: begins strictly',
      'readInstances: returns only',
      'splitInstances: splits',
      'commit: accepts a range as',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows which',
    ],
  },
  {
    title: '`upTo` is exclusive',
    rules: () => ({ isUpTo: (cursor, upTo) => cursor < upTo }),
    breaks: [
      'readInstances: in pages',
      'readInstances: ends with',
      'readInstances: puts an',
      'readInstances: ends when',
      'commit: answers not-exhausted',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows which',
    ],
  },
  {
    title: '`upTo` is ignored',
    rules: () => ({ isUpTo: () => true }),
    breaks: [
      'readInstances: ends with',
      'readInstances: puts an',
      'commit: accepts a range as',
      'readInstances: in pages',
      'readInstances: skips',
      'readInstances: leaves data',
    ],
  },
  {
    title: 'models with the same prefix are the same',
    rules: () => ({
      isSelected: (instance, model, ids) =>
        instance.processModelId.startsWith(model) && (ids === null || ids.includes(instance.key)),
    }),
    breaks: [
      'surveyInstances: counts the',
      'surveyInstances: counts only',
      'readInstances: leaves the',
      'readInstances: returns only',
      'commit: accepts a range as',
      'processModelId: distinguishes',
      'processModelId: takes no',
    ],
  },
  {
    title: 'chosen ids are looked up in all models',
    rules: () => ({
      isSelected: (instance, model, ids) =>
        ids === null ? instance.processModelId === model : ids.includes(instance.key),
    }),
    breaks: ['surveyInstances: counts only', 'readInstances: returns only', 'processModelId: distinguishes'],
  },
  {
    title: 'chosen ids are ignored',
    rules: () => ({ isSelected: (instance, model) => instance.processModelId === model }),
    breaks: ['surveyInstances: counts only', 'readInstances: returns only', 'commit: accepts a range as'],
  },
  {
    title: 'an empty list of chosen ids selects all instances',
    rules: () => ({
      isSelected: (instance, model, ids) =>
        instance.processModelId === model && (ids === null || ids.length === 0 || ids.includes(instance.key)),
    }),
    breaks: ['surveyInstances: counts only'],
  },
  {
    title: 'cursors are compared as text',
    rules: () => ({
      compareCursors: (a, b) => (String(a) < String(b) ? -1 : Number(a !== b)),
    }),
    breaks: ['readInstances: in pages', 'compareCursors: sorts as'],
  },
  {
    title: 'a split returns the bound of the last part, too',
    rules: () => ({ splitAt: (found, parts) => [...SOUND.splitAt(found, parts), found.at(-1)?.cursor ?? 0] }),
    breaks: ['splitInstances: splits'],
  },
  {
    title: 'a split returns a bound below its range',
    rules: () => ({ splitAt: (found, parts) => [1, ...SOUND.splitAt(found, parts - 1)] }),
    breaks: ['splitInstances: splits'],
  },
  {
    title: 'an aborted read answers an empty page',
    rules: () => ({ onAbort: () => [] }),
    breaks: ['readInstances: ends when'],
  },
  {
    title: 'an aborted read leaves the connection unusable',
    rules: () => {
      let isUsable = true;
      return {
        onAbort(reason) {
          isUsable = false;
          throw reason;
        },
        pageOf(found, limit) {
          if (!isUsable) throw new Error('the connection was left in a transaction');
          return found.slice(0, limit);
        },
      };
    },
    breaks: ['readInstances: ends when'],
  },
  {
    title: 'cursors do not grow with creation',
    rules: () => ({ cursorOf: (n) => (n * 7919) % 10_007 }),
    breaks: [
      'surveyInstances: counts the',
      'surveyInstances: counts from',
      'surveyInstances: counts only',
      'readInstances: in pages',
      'readInstances: begins strictly',
      'readInstances: ends with',
      'readInstances: returns the',
      'readInstances: returns only',
      'readInstances: puts an',
      'commit: answers not-exhausted',
      'readInstances: skips',
    ],
  },
  {
    title: 'deleted instances stay in the walk',
    rules: () => ({ isReadable: () => true }),
    breaks: [
      'surveyInstances: counts from',
      'surveyInstances: counts only',
      'readInstances: begins strictly',
      'readInstances: leaves the',
      'readInstances: leaves out',
      'commit: accepts a range as',
      'processModelId: accepts any',
      'processModelId: distinguishes',
      'processModelId: takes no',
    ],
  },
  {
    title: 'models are compared with SQL `like`',
    rules: () => ({
      isSelected: (instance, model, ids) =>
        new RegExp(`^${model.replaceAll('_', '.')}$`).test(instance.processModelId) &&
        (ids === null || ids.includes(instance.key)),
    }),
    breaks: ['readInstances: leaves the', 'processModelId: accepts any'],
  },
  {
    title: 'models that differ only in case are the same',
    rules: () => ({
      isSelected: likeCollation((text) => text.toLowerCase()),
      isSelectedAtEnd: SOUND.isSelected,
    }),
    breaks: ['processModelId: distinguishes'],
  },
  {
    title: 'models that differ only in an accent are the same',
    rules: () => ({
      isSelected: likeCollation((text) => text.normalize('NFD').replace(/\p{M}/gu, '')),
      isSelectedAtEnd: SOUND.isSelected,
    }),
    breaks: ['processModelId: distinguishes'],
  },
  {
    title: 'models that differ only in a trailing blank are the same',
    rules: () => ({
      isSelected: likeCollation((text) => text.trimEnd()),
      isSelectedAtEnd: SOUND.isSelected,
    }),
    breaks: ['processModelId: distinguishes'],
  },
  {
    title: 'instances of a model that differs only in case count as left',
    rules: () => ({ isSelectedAtEnd: likeCollation((text) => text.toLowerCase()) }),
    breaks: ['processModelId: takes no'],
  },
  {
    title: 'a page reads the documents first, and then the rows',
    rules: () => ({ readsRowsLast: true }),
    breaks: ['readInstances: shows no row'],
  },
  {
    title: 'bytes are counted in thousands',
    rules: () => ({ bytesOf: (data) => Math.ceil((SOUND.bytesOf(data) ?? 0) / 1000) }),
    breaks: ['readInstances: gives `bytes`'],
  },
  {
    title: 'every document counts as large',
    rules: () => ({ bytesOf: () => 500_000 }),
    breaks: ['readInstances: gives `bytes`'],
  },
  {
    title: 'projected values leave keys with a control character out',
    rules: () => ({
      dataOf: (task, paths) =>
        SOUND.dataOf(
          task,
          paths.filter(({ key }) => !key.includes('\u0001')),
        ),
    }),
    breaks: ['readInstances: reads a former'],
  },
  {
    title: 'the name of a model becomes part of the statement',
    rules: () => ({
      isSelected(instance, model, ids) {
        if (model.includes("'")) throw new SyntaxError('unterminated quoted string');
        return SOUND.isSelected(instance, model, ids);
      },
    }),
    breaks: ['processModelId: accepts any'],
  },
  {
    title: 'chosen ids become part of the statement',
    rules: () => ({
      isSelected(instance, model, ids) {
        if (ids?.some((id) => String(id).includes("'"))) throw new SyntaxError('unterminated quoted string');
        return SOUND.isSelected(instance, model, ids);
      },
    }),
    breaks: ['instance ids: accepts any'],
  },
  {
    title: 'the newest task is the one inserted last',
    rules: () => ({
      newestTask: (tasks) => tasks.filter(({ state }) => state === 'COMPLETED').at(-1),
    }),
    breaks: ['readInstances: shows the data', 'readInstances: of tasks'],
  },
  {
    title: 'end times are compared as text',
    rules: () => ({
      newestTask: (tasks) =>
        tasks
          .filter(({ state }) => state === 'COMPLETED')
          .toSorted((a, b) =>
            textOf(a) === textOf(b) ? (a.id < b.id ? -1 : 1) : textOf(a) < textOf(b) ? 1 : -1,
          )[0],
    }),
    breaks: ['readInstances: shows the data'],
  },
  {
    title: 'a task without an end time counts as the newest',
    rules: () => ({
      newestTask: (tasks) =>
        tasks.find(({ state, endedAt }) => state === 'COMPLETED' && endedAt === null) ??
        SOUND.newestTask(tasks),
    }),
    breaks: ['readInstances: uses a', 'readInstances: of tasks'],
  },
  {
    title: 'of tasks with the same end time, the higher id counts',
    rules: () => ({
      newestTask: (tasks) =>
        tasks
          .filter(({ state }) => state === 'COMPLETED')
          .toSorted((a, b) => timeOf(b) - timeOf(a) || (a.id < b.id ? 1 : -1))[0],
    }),
    breaks: ['readInstances: of tasks'],
  },
  {
    title: 'any task that has ended counts as completed',
    rules: () => ({
      newestTask: (tasks) => SOUND.newestTask(tasks.map((task) => ({ ...task, state: 'COMPLETED' }))),
    }),
    breaks: ['readInstances: uses only', 'readInstances: shows an'],
  },
  {
    title: 'tasks with the same end time get the same document',
    rules: () => {
      const documents = new Map<number, FixtureTask>();
      return {
        dataOf(task, paths) {
          if (!documents.has(timeOf(task))) documents.set(timeOf(task), task);
          return SOUND.dataOf(documents.get(timeOf(task)) ?? task, paths);
        },
      };
    },
    breaks: [
      'readInstances: gives each',
      'readInstances: projects',
      'readInstances: shows the other',
      'readInstances: gives `bytes`',
    ],
  },
  {
    title: 'an instance is passed over if one key has a value',
    rules: () => ({
      isFilled: (paths, rows) => paths.some(({ key, mode }) => mode === 'fill' && rows.get(key)),
    }),
    breaks: ['readInstances: skips', 'readInstances: shows which', 'readInstances: leaves data'],
  },
  {
    title: 'an instance with a null row is passed over',
    rules: () => ({
      isFilled: (paths, rows) => paths.every(({ key, mode }) => mode === 'fill' && rows.has(key)),
    }),
    breaks: ['readInstances: skips', 'readInstances: shows which', 'readInstances: leaves data'],
  },
  {
    title: 'an instance is passed over if all keys to fill have a value',
    rules: () => ({
      isFilled(paths, rows) {
        const filled = paths.filter(({ mode }) => mode === 'fill');
        return filled.length > 0 && filled.every(({ key }) => (rows.get(key)?.value ?? null) !== null);
      },
    }),
    breaks: ['readInstances: skips'],
  },
  {
    title: 'instances passed over in a row count as one',
    rules: () => ({ passedOver: (cursor) => ({ cursor, filled: 1 }) }),
    breaks: ['readInstances: skips', 'readInstances: leaves data'],
  },
  {
    title: 'instances passed over have the cursor of the first',
    rules: () => ({
      passedOver: (cursor, before) => ({
        ...SOUND.passedOver(cursor, before),
        ...(before && { cursor: before.cursor }),
      }),
    }),
    breaks: ['readInstances: skips', 'readInstances: leaves data'],
  },
  {
    title: 'an instance is passed over although its value is to be overwritten',
    rules: () => ({
      isFilled: (paths, rows) => paths.every(({ key }) => (rows.get(key)?.value ?? null) !== null),
    }),
    breaks: [
      'readInstances: in pages',
      'readInstances: skips',
      'readInstances: leaves data',
      'readInstances: shows the rows',
      'readInstances: shows which',
      'readInstances: shows a value',
      'readInstances: gives a',
      'commit: overwrites the',
      'commit: when it overwrites, keeps a value',
      'commit: when it overwrites, keeps a row',
      'commit: when it overwrites, does',
      'commit: leaves other',
      'commit: writes all',
      'commit: while live instances',
      'metadata: accepts any text as a key',
      'commit: replaces the value',
      'commit: when it replaces by null',
      'commit: deletes the',
      'commit: when it deletes, keeps',
      'commit: when it deletes, reports',
      'commit: when it deletes, leaves',
      'metadata: stores a key',
      'readInstances: shows no row',
    ],
  },
  {
    title: 'data is left out if one key has a value',
    rules: () => ({
      needsData: (paths, rows) =>
        paths.some(({ mode }) => mode === 'overwrite') || !paths.some(({ key }) => rows.get(key)),
    }),
    breaks: ['readInstances: leaves data'],
  },
  {
    title: 'data is left out although a value is to be overwritten',
    rules: () => ({
      needsData: (paths, rows) => paths.some(({ key }) => (rows.get(key)?.value ?? null) === null),
    }),
    breaks: ['readInstances: leaves data'],
  },
  {
    title: 'data is left out if there is a null row',
    rules: () => ({
      needsData: (paths, rows) => paths.some(({ key, mode }) => mode === 'overwrite' || !rows.has(key)),
    }),
    breaks: ['readInstances: leaves data'],
  },
  {
    title: 'projected paths can count lists from the end',
    rules: () => ({
      dataOf: (task, paths) =>
        SOUND.dataOf(
          task,
          paths.map((path) => ({
            ...path,
            segments: path.segments.map((name) => (name === '-1' ? '1' : name)),
          })),
        ),
    }),
    breaks: ['readInstances: projects'],
  },
  {
    title: 'projected texts become numbers if they look like numbers',
    rules: () => ({
      dataOf(task, paths) {
        const data = SOUND.dataOf(task, paths);
        if (data.form !== 'values') return data;
        const values = [...data.values].map(
          ([key, value]) =>
            [key, typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value] as const,
        );
        return { form: 'values', values: new Map(values) };
      },
    }),
    breaks: ['readInstances: lets every', 'readInstances: projects'],
  },
  {
    title: 'a JSON null counts as missing',
    rules: () => ({
      dataOf(task, paths) {
        const data = SOUND.dataOf(task, paths);
        if (data.form !== 'values') return data;
        return { form: 'values', values: new Map([...data.values].filter(([, value]) => value !== null)) };
      },
    }),
    breaks: ['readInstances: lets every', 'readInstances: projects'],
  },
  {
    title: 'a broken document fails its page',
    rules: () => ({
      brokenData: () => {
        throw new SyntaxError('unexpected end of JSON');
      },
    }),
    breaks: ['readInstances: shows the other'],
  },
  {
    title: 'a broken document counts as no data',
    rules: () => ({ brokenData: () => ({ form: 'none' }) }),
    breaks: ['readInstances: shows the other'],
  },
  {
    title: 'a page shows rows under other keys',
    rules: () => ({ shownRows: (rows) => [...rows] }),
    breaks: ['readInstances: shows the rows', 'metadata: distinguishes keys'],
  },
  {
    title: 'a page shows no null rows',
    rules: () => ({
      shownRows: (rows, paths) => SOUND.shownRows(rows, paths).filter(([, { value }]) => value !== null),
    }),
    breaks: ['readInstances: shows which', 'readInstances: shows a null', 'commit: removes a null row'],
  },
  {
    title: 'a page shows only the rows that are to be overwritten',
    rules: () => ({
      shownRows: (rows, paths) =>
        SOUND.shownRows(
          rows,
          paths.filter(({ mode }) => mode === 'overwrite'),
        ),
    }),
    breaks: ['readInstances: shows which'],
  },
  {
    title: 'a page shows values in another form than commit was given',
    rules: () => ({
      shownValue: ({ value }) => (value === null ? null : JSON.stringify(value)),
    }),
    breaks: ['readInstances: shows the rows', 'readInstances: shows a value'],
  },
  {
    title: 'the token is the key',
    rules: () => ({ token: (_, key) => key }),
    breaks: [
      'readInstances: gives a',
      'commit: when it overwrites, keeps a value',
      'commit: when it overwrites, keeps a row',
      'commit: while live instances',
      'commit: when it replaces by null',
      'commit: when it deletes, keeps',
    ],
  },
  {
    title: 'every instance is called running',
    rules: () => ({ isRunning: () => true }),
    breaks: ['readInstances: says whether'],
  },
];

/** Compares models as a collation does, by what `fold` leaves of them. */
function likeCollation(fold: (text: string) => string): Rules['isSelected'] {
  return (instance, model, ids) =>
    fold(instance.processModelId) === fold(model) && (ids === null || ids.includes(instance.key));
}

function textOf(task: FixtureTask): string {
  return String(timeOf(task));
}
