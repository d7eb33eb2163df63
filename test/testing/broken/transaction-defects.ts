import type { Defect } from './defect.js';

/** Repositories that undo too little, or take no part in a transaction of the host. */
export const transactionDefects: readonly Defect[] = [
  {
    title: 'a failed commit is not undone',
    rules: () => ({ rollBack() {} }),
    breaks: [
      'commit: rejects and changes',
      'commit: answers conflict and changes nothing when another',
      'transactions: a refused',
    ],
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
];
