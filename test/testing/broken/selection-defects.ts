import type { Defect } from './defect.js';
import { type Rules, SOUND } from './rules.js';

/** Repositories that select the instances of other models, or others than the chosen ones. */
export const selectionDefects: readonly Defect[] = [
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
    title: 'chosen ids become part of the statement',
    rules: () => ({
      isSelected(instance, model, ids) {
        if (ids?.some((id) => String(id).includes("'"))) throw new SyntaxError('unterminated quoted string');
        return SOUND.isSelected(instance, model, ids);
      },
    }),
    breaks: ['instance ids: accepts any'],
  },
];

/** Compares models as a collation does, by what `fold` leaves of them. */
function likeCollation(fold: (text: string) => string): Rules['isSelected'] {
  return (instance, model, ids) =>
    fold(instance.processModelId) === fold(model) && (ids === null || ids.includes(instance.key));
}
