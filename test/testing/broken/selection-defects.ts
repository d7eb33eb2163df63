import type { Defect } from './defect.js';
import { type Reader, type Rules, SOUND } from './rules.js';

/** Repositories that select the instances of other models, or others than the chosen ones. */
export const selectionDefects: readonly Defect[] = [
  {
    title: 'models with the same prefix are the same',
    rules: () => ({
      isSelected: (instance, model, ids) =>
        instance.processModelId.startsWith(model) && (ids === null || ids.includes(instance.key)),
    }),
    breaks: [
      'readInstances: answers each',
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
    title: 'an underscore in the name of a model stands for any character',
    rules: () => ({
      isSelected(instance, model, ids, reader) {
        const characters = [...instance.processModelId];
        const isLike =
          characters.length === [...model].length &&
          [...model].every((character, index) => character === '_' || character === characters[index]);
        const processModelId = isLike ? model : instance.processModelId;
        return SOUND.isSelected({ ...instance, processModelId }, model, ids, reader);
      },
    }),
    breaks: ['readInstances: leaves the'],
  },
  {
    title: 'models that differ only in case are the same',
    rules: () => ({
      isSelected: likeCollation(isRead, (text) => text.toLowerCase()),
    }),
    breaks: ['processModelId: distinguishes'],
  },
  {
    title: 'models that differ only in an accent are the same',
    rules: () => ({
      isSelected: likeCollation(isRead, (text) => text.normalize('NFD').replace(/\p{M}/gu, '')),
    }),
    breaks: ['processModelId: distinguishes'],
  },
  {
    title: 'models that differ only in a trailing blank are the same',
    rules: () => ({
      isSelected: likeCollation(isRead, (text) => text.trimEnd()),
    }),
    breaks: ['processModelId: distinguishes'],
  },
  {
    title: 'instances of a model that differs only in case count as left',
    rules: () => ({
      isSelected: likeCollation(
        (reader) => reader === 'commit',
        (text) => text.toLowerCase(),
      ),
    }),
    breaks: ['processModelId: takes no'],
  },
  {
    title: 'the name of a model becomes part of the statement',
    rules: () => ({
      isSelected(instance, model, ids, reader) {
        if (model.includes("'")) throw new SyntaxError('unterminated quoted string');
        return SOUND.isSelected(instance, model, ids, reader);
      },
    }),
    breaks: ['processModelId: accepts any'],
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
    breaks: [
      'readInstances: answers each',
      'surveyInstances: counts only',
      'readInstances: returns only',
      'commit: accepts a range as',
    ],
  },
  {
    title: 'a page ignores chosen ids if there are more than three',
    rules: () => ({
      isSelected: (instance, model, ids, reader) =>
        SOUND.isSelected(
          instance,
          model,
          reader.startsWith('page') && Number(ids?.length) > 3 ? null : ids,
          reader,
        ),
    }),
    breaks: ['readInstances: returns only'],
  },
  {
    title: 'a page ignores chosen ids',
    rules: () => ({
      isSelected: (instance, model, ids, reader) =>
        SOUND.isSelected(instance, model, reader.startsWith('page') ? null : ids, reader),
    }),
    breaks: ['readInstances: answers each', 'readInstances: returns only'],
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
    title: 'chosen ids become part of the statement',
    rules: () => ({
      isSelected(instance, model, ids, reader) {
        if (ids?.some((id) => String(id).includes("'"))) throw new SyntaxError('unterminated quoted string');
        return SOUND.isSelected(instance, model, ids, reader);
      },
    }),
    breaks: ['instance ids: accepts any'],
  },
];

/** Compares models as a collation does, by what `fold` leaves of them. Some readers compare them exactly. */
function likeCollation(
  isLoose: (reader: Reader) => boolean,
  fold: (text: string) => string,
): Rules['isSelected'] {
  return (instance, model, ids, reader) => {
    const { processModelId } = instance;
    const isSame = isLoose(reader) && fold(processModelId) === fold(model);
    return SOUND.isSelected(
      { ...instance, processModelId: isSame ? model : processModelId },
      model,
      ids,
      reader,
    );
  };
}

function isRead(reader: Reader): boolean {
  return reader !== 'commit';
}
