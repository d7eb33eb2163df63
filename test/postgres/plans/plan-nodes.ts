import { nodesWith } from '../../stores/plans/plan.js';
import type { Explained } from './explained.js';

/** A step of a plan. */
export interface PlanNode {
  readonly type: string;
  readonly table: string | null;
  readonly index: string | null;
  /** Whether an index is read in a range, and not from end to end. */
  readonly isInRange: boolean;
  /** All rows that it has returned or dropped, in all of its loops. */
  readonly rows: number;
}

export function nodesOf({ plan }: Explained): readonly PlanNode[] {
  return nodesWith(plan, 'Node Type').map((node) => {
    const each = ['Actual Rows', ...DROPPED].reduce((sum, name) => sum + Number(node[name] ?? 0), 0);
    return {
      type: String(node['Node Type']),
      table: textOf(node['Relation Name']),
      index: textOf(node['Index Name']),
      isInRange: node['Index Cond'] !== undefined,
      rows: each * Number(node['Actual Loops']),
    };
  });
}

const DROPPED = ['Rows Removed by Filter', 'Rows Removed by Join Filter', 'Rows Removed by Index Recheck'];

function textOf(value: unknown): string | null {
  return value === undefined ? null : String(value);
}

/** The nodes that read a table of the host, or one of its indexes, from end to end. */
export function scansIn(explained: Explained): readonly PlanNode[] {
  return nodesOf(explained).filter(({ type, table, isInRange }) =>
    type === 'Seq Scan' ? table !== null : /^(Index|Index Only|Bitmap Index) Scan$/.test(type) && !isInRange,
  );
}

/** How many rows the busiest node has had to do with. */
export function mostRows(explained: Explained): number {
  return Math.max(...nodesOf(explained).map(({ rows }) => rows));
}

/** Pages of tables and indexes that were looked at. */
export function buffersOf({ plan }: Explained): number {
  const [top] = nodesWith(plan, 'Shared Hit Blocks');
  return Number(top?.['Shared Hit Blocks']) + Number(top?.['Shared Read Blocks']);
}

export function costOf({ plan }: Explained): number {
  const [top] = nodesWith(plan, 'Total Cost');
  return Number(top?.['Total Cost']);
}
