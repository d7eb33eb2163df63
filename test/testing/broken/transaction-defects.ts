import type { Defect } from './defect.js';

/** Repositories that undo too little, or take no part in a transaction of the host. */
export const transactionDefects: readonly Defect[] = [
  {
    title: 'a commit whose `next` throws is not undone',
    rules: () => ({
      rollBack(restore, { hasFailed }) {
        if (!hasFailed) restore();
      },
    }),
    breaks: ['commit: rejects and changes'],
  },
  {
    title: 'a refused commit is not undone',
    rules: () => ({
      rollBack(restore, { hasFailed, isInside }) {
        if (hasFailed || isInside) restore();
      },
    }),
    breaks: ['commit: answers conflict and changes nothing when another'],
  },
  {
    title: 'a refused commit in a transaction of the host is not undone',
    rules: () => ({
      rollBack(restore, { hasFailed, isInside }) {
        if (hasFailed || !isInside) restore();
      },
    }),
    breaks: ['transactions: a refused'],
  },
  {
    title: 'a commit ignores the transaction that it is given',
    rules: () => ({ isPartOf: () => false }),
    breaks: ['transactions: a commit in a transaction of the host is undone'],
  },
  {
    title: 'a commit inside a transaction is never released',
    rules: () => ({ afterInside: (restore) => restore() }),
    breaks: [
      'transactions: a commit in a transaction of the host is stored',
      'transactions: a refused',
      'commit: locks records',
    ],
  },
  {
    title: 'reads in a transaction of the host do not see what it has written',
    rules: () => ({ seesInside: false }),
    breaks: ['transactions: a commit in a transaction of the host is stored'],
  },
];
