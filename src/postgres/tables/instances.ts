import type { Cursor, InstanceId, InstanceRange } from '../../ports/repository.js';
import type { IdType, InstancesTable } from '../configuration.js';
import type { Parameters } from '../sql/parameters.js';
import { quoteIdentifier, quoteName } from '../sql/quote-name.js';

/** SQL about the host's table of instances. Everywhere, `i` is a row of it. */
export interface Instances {
  readonly table: string;
  readonly idType: IdType;
  /** The quoted column. */
  readonly id: string;
  /** Whether cursors are ids, and ids are whole numbers. */
  readonly isByNumber: boolean;
  /** The cursor of `i`, as columns with these names. */
  readonly cursor: string;
  readonly cursorNames: readonly ('id' | 'created')[];
  /** Sorts rows of `i`. */
  readonly order: string;
  /** The same, the other way around. */
  readonly reverseOrder: string;
  /** Sorts rows that have the columns of `cursor`. */
  readonly cursorOrder: string;
  /** As results: the columns of `cursor` of a row with this alias, under the names `<prefix>id` and `<prefix>created`. */
  cursorResults(alias: string, prefix?: string): string;
  /** The condition that `i` counts. */
  readonly counts: string;
  /** The condition that `i` is still executing. `null`: nobody knows. */
  readonly running: string | null;
  /** The condition that `i` is in the range. */
  inRange(range: Range, bound: Parameters): string;
}

type Range = Omit<InstanceRange, 'upTo'> & { readonly upTo: Cursor | null };

export function instancesOf(configuration: InstancesTable<IdType>): Instances {
  const { table, model, modelType = 'text', where, running } = configuration;
  const idType = configuration.id?.type ?? 'int';
  const id = quoteIdentifier(configuration.id?.column ?? 'id');
  const collation = idType === 'text' ? ' collate "C"' : '';
  const created = creationOf(configuration);
  const sortKeys = [...(created === null ? [] : [`i.${created.column}`]), `i.${id}${collation}`];
  const counts = where === undefined ? 'true' : `(${where}\n)`;

  function compare(sign: '>' | '<=', cursor: Cursor | null, bound: Parameters): string[] {
    if (cursor === null) return [];
    const types = created === null ? [idType] : [created.type, idType];
    const values = [cursor].flat().map((value, index) => bound.add(value, types[index] ?? idType));
    return [values.length === 1 ? `${sortKeys} ${sign} ${values}` : `(${sortKeys}) ${sign} (${values})`];
  }

  return {
    table: quoteName(table, 'instances.table'),
    idType,
    id,
    isByNumber: created === null && (idType === 'int' || idType === 'bigint'),
    cursor: `i.${id} as id${created === null ? '' : `, i.${created.column} as created`}`,
    cursorNames: created === null ? ['id'] : ['id', 'created'],
    order: sortKeys.join(', '),
    reverseOrder: sortKeys.map((key) => `${key} desc`).join(', '),
    cursorOrder: `${created === null ? '' : 'created, '}id${collation}`,
    cursorResults(alias, prefix = '') {
      const ids = `${resultOf(`${alias}.${prefix}id`, idType)} as ${prefix}id`;
      if (created === null) return ids;
      return `${ids}, ${timeText(`${alias}.${prefix}created`, created.type)} as ${prefix}created`;
    },
    counts,
    running: running === undefined ? null : `coalesce((${running}\n), false)`,
    inRange: ({ processModelId, instanceIds, after, upTo }, bound) =>
      [
        `i.${quoteIdentifier(model)} = ${bound.add(processModelId, modelType)}`,
        ...(instanceIds === null ? [] : [`i.${id} = any (${bound.addList(instanceIds, idType)})`]),
        ...compare('>', after, bound),
        ...compare('<=', upTo, bound),
        counts,
      ].join(' and '),
  };
}

/** An id as a result: a number if every driver can return it exactly, and otherwise a text. */
export function resultOf(id: string, type: IdType): string {
  return `${id}::${type === 'int' ? 'int' : 'varchar'}`;
}

function creationOf({ createdAt }: InstancesTable<IdType>) {
  if (createdAt === undefined) return null;
  const { column, type } =
    typeof createdAt === 'string' ? { column: createdAt, type: 'timestamptz' as const } : createdAt;
  return { column: quoteIdentifier(column), type };
}

/**
 * To the microsecond, so that it sorts as the time does. Infinity is a text that sorts right, too. Other times outside of the years
 * 1 to 9999 would not, and remain as PostgreSQL writes them.
 */
function timeText(time: string, type: 'timestamptz' | 'timestamp'): string {
  const [local, zone] = type === 'timestamptz' ? [`${time} at time zone 'UTC'`, 'Z'] : [time, ''];
  return `(case when extract(year from ${local}) between 1 and 9999 then to_char(${local}, 'YYYY-MM-DD"T"HH24:MI:SS.US"${zone}"')
    else ${time}::text end)::varchar`;
}

/**
 * The cursor of an instance. Without a time of creation, that is its id.
 * @throws {Error} The time does not sort as text.
 */
export function cursorOf(id: InstanceId, created?: string | null): Cursor {
  if (created === undefined || created === null) return id;
  if (!/^(\d{4}-\d\d-\d\dT|-?infinity$)/.test(created))
    throw new Error(
      `Instance ${id} has the time of creation ${created}. Instances are walked in the order of this time, which must be in the years 1 to 9999. Correct the time, or exclude such instances with \`instances.where\``,
    );
  return [created, id];
}

/** The order of cursors as PostgreSQL sorts them, where it differs from that of JavaScript. */
export function compareCursorsOf(type: IdType): ((a: Cursor, b: Cursor) => number) | undefined {
  const compareIds = ID_ORDERS[type];
  if (compareIds === null) return undefined;
  return (a, b) => {
    const [createdA, idA] = partsOf(a);
    const [createdB, idB] = partsOf(b);
    if (createdA !== createdB) return createdA < createdB ? -1 : 1;
    return compareIds(idA, idB);
  };
}

const ID_ORDERS: Readonly<Record<IdType, ((a: string, b: string) => number) | null>> = {
  int: null,
  uuid: null,
  bigint: (a, b) => Number(BigInt(a) - BigInt(b)),
  text: (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)),
};

function partsOf(cursor: Cursor): [created: string, id: string] {
  const parts = [cursor].flat();
  return [parts.length > 1 ? String(parts[0]) : '', String(parts.at(-1))];
}
