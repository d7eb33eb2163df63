import { bigIds } from './big-ids.js';
import { camunda } from './camunda.js';
import type { Host } from './host.js';
import { n8n } from './n8n.js';
import { oddNames } from './odd-names.js';
import { oneTable } from './one-table.js';
import { prefect } from './prefect.js';
import { spiffArena } from './spiff-arena.js';
import { textIds } from './text-ids.js';

export const HOSTS: readonly Host[] = [
  spiffArena,
  n8n,
  camunda,
  prefect,
  oneTable,
  bigIds,
  textIds,
  oddNames,
];
