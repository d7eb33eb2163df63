import type { JsonValue, TaskData } from 'process-metadata-backfill';
import type { FixtureTask } from 'process-metadata-backfill/testing';
import type { Defect } from './defect.js';
import { SOUND, timeOf } from './rules.js';

/** Repositories that show the wrong task data, or none. */
export const dataDefects: readonly Defect[] = [
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
      newestTask(tasks) {
        const endless = tasks.filter(({ endedAt }) => endedAt === null);
        return SOUND.newestTask(endless) ?? SOUND.newestTask(tasks);
      },
    }),
    breaks: ['readInstances: uses a'],
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
    title: 'cancelled tasks count as completed',
    rules: () => ({
      newestTask: (tasks) =>
        SOUND.newestTask(
          tasks.map((task) => (task.state === 'CANCELLED' ? { ...task, state: 'COMPLETED' } : task)),
        ),
    }),
    breaks: ['readInstances: uses only'],
  },
  {
    title: 'an instance without a completed task has the data of any task',
    rules: () => ({ newestTask: (tasks) => SOUND.newestTask(tasks) ?? tasks[0] }),
    breaks: ['readInstances: shows an'],
  },
  {
    title: 'documents of the same time and length are taken for the same',
    rules: () => {
      const documents = new Map<string, FixtureTask>();
      return {
        dataOf(task, paths) {
          const hash = `${timeOf(task)} ${JSON.stringify(task.data).length}`;
          if (!documents.has(hash)) documents.set(hash, task);
          return SOUND.dataOf(documents.get(hash) ?? task, paths);
        },
      };
    },
    breaks: ['readInstances: gives each'],
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
    title: 'a path without segments finds nothing',
    rules: () => ({
      dataOf: (task, paths) =>
        SOUND.dataOf(
          task,
          paths.filter(({ segments }) => segments.length > 0),
        ),
    }),
    breaks: ['readInstances: reads the whole'],
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
    title: 'projected numbers have single precision',
    rules: () => ({
      dataOf: (task, paths) =>
        withValues(SOUND.dataOf(task, paths), (value) =>
          typeof value === 'number' ? Math.fround(value) : value,
        ),
    }),
    breaks: ['readInstances: lets every'],
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
];

function withValues(data: TaskData, change: (value: JsonValue) => JsonValue): TaskData {
  if (data.form !== 'values') return data;
  return { form: 'values', values: new Map([...data.values].map(([key, value]) => [key, change(value)])) };
}

function textOf(task: FixtureTask): string {
  return String(timeOf(task));
}
