import { clearingDefects } from './clearing-defects.js';
import { concurrencyDefects } from './concurrency-defects.js';
import { dataDefects } from './data-defects.js';
import type { Defect } from './defect.js';
import { loadingDefects } from './loading-defects.js';
import { outcomeDefects } from './outcome-defects.js';
import { pageDefects } from './page-defects.js';
import { rangeDefects } from './range-defects.js';
import { readingAheadDefects } from './reading-ahead-defects.js';
import { recordDefects } from './record-defects.js';
import { rowDefects } from './row-defects.js';
import { selectionDefects } from './selection-defects.js';
import { settledDefects } from './settled-defects.js';
import { surveyDefects } from './survey-defects.js';
import { textDefects } from './text-defects.js';
import { transactionDefects } from './transaction-defects.js';
import { writeDefects } from './write-defects.js';

/** All mistakes of repositories. */
export const repositoryDefects: readonly Defect[] = [
  ...surveyDefects,
  ...rangeDefects,
  ...selectionDefects,
  ...pageDefects,
  ...readingAheadDefects,
  ...dataDefects,
  ...rowDefects,
  ...writeDefects,
  ...clearingDefects,
  ...outcomeDefects,
  ...concurrencyDefects,
  ...textDefects,
  ...recordDefects,
  ...loadingDefects,
  ...transactionDefects,
  ...settledDefects,
];
