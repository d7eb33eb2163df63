import { isDeepStrictEqual } from 'node:util';
import type { JsonValue } from '../../extraction/json-value.js';
import type { InstanceId } from '../../ports/repository.js';
import type { MetadataMembers } from '../configuration.js';
import type { PostgresConnection } from '../database.js';
import { type Parameters, parameters } from '../sql/parameters.js';
import { quoteIdentifier } from '../sql/quote-name.js';
import { type Instances, resultOf } from '../tables/instances.js';
import type { MetadataStore, Writes, Written } from './metadata-store.js';
import { parseStored } from './parse-stored.js';

/** Metadata as members of a jsonb column of the instance. A lock on the instance guards them all. */
export function storeOfColumn(configuration: MetadataMembers, instances: Instances): MetadataStore {
  const { table, id, idType } = instances;
  const column = `i.${quoteIdentifier(configuration.column)}`;
  const members = `coalesce(nullif(${column}, 'null'), '{}')`;
  /** SQL: whether members can be read and written. */
  const hasMembers = (of: string): string => `coalesce(jsonb_typeof(${of}), 'null') in ('object', 'null')`;
  const own = `own.${quoteIdentifier(configuration.column)}`;
  const updates = Object.entries(configuration.update ?? {});
  const assignments = updates.map(([name, sql]) => `, ${quoteIdentifier(name)} = ${sql}\n`).join('');

  function changeOf(writes: Writes, bound: Parameters): string {
    const { inserts, replacements, deletes } = writes;
    const written = byInstance([...inserts, ...replacements], ({ key, value }) => [key, value]);
    const deleted = byInstance(deletes, ({ key }) => [key, true]);
    const without =
      deletes.length === 0 ? '' : ` - array(select jsonb_object_keys(${memberOf(deleted, bound)}))`;
    const ids = [...new Set([...inserts, ...replacements, ...deletes].map((one) => one.id))];
    return `
      update ${table} i
      set ${quoteIdentifier(configuration.column)} = (${members} || coalesce(${memberOf(written, bound)}, '{}'))${without}${assignments}
      where i.${id} = any (${bound.addList(ids, idType)})`;
  }

  /** SQL: the member for `i` of an object with a member per instance. */
  function memberOf(object: object, bound: Parameters): string {
    return `((select ${bound.add(JSON.stringify(object), 'jsonb')}) -> i.${id}::text)`;
  }

  return {
    lock: 'for no key update',
    storesNull: true,
    storesAnyText: false,
    maxKeyLength: undefined,
    formatValue: undefined,

    filledKeys: ({ keys }) => `(
      select case when ${hasMembers(own)} then (
        select count(*) from unnest(${keys}) k (key) where jsonb_typeof(${own} -> k.key) <> 'null') end
      from ${table} own where own.${id} = i.id)`,

    stored: (keys) => `(
      select case when ${hasMembers(column)} then (
        select json_agg(json_build_array(k.key, ${column} -> k.key, null)) from unnest(${keys}) k (key)
        where ${column} -> k.key is not null)
      else to_json('the metadata column holds a JSON ' || jsonb_typeof(${column}) || ', but must hold an object or null') end)`,

    undisturbed(writes, bound) {
      const { inserts, replacements, deletes } = writes;
      const added = byInstance(inserts, ({ key, value }) => [key, value]);
      const read = byInstance([...replacements, ...deletes], ({ key, replaces }) => [key, replaces.value]);
      return {
        isFree: `
          ${hasMembers(column)}
          and not exists (select from jsonb_object_keys(${memberOf(added, bound)}) k (key) where ${column} -> k.key is not null)
          and not exists (
            select from jsonb_each(${memberOf(read, bound)}) r where ${column} -> r.key is distinct from r.value)`,
        conditions: [],
        parts: [`backfill_changed as (${changeOf(writes, bound)} and exists (select from backfill_stored))`],
      };
    },

    async writeGuarded(connection, writes) {
      const current = await membersOf(connection, writes);
      const allowed = whereAllowed(writes, current);
      const bound = parameters();
      const text = changeOf(allowed, bound);
      if (Object.values(allowed).some((some) => some.length > 0))
        await connection.query(
          `with backfill_changed as (${text} returning 1) select 1 from backfill_changed limit 0`,
          bound.values,
        );
      return [...allowed.inserts, ...allowed.replacements, ...allowed.deletes];
    },
  };

  /** The metadata of the instances, which are locked. One whose column holds no object is left out. */
  async function membersOf(
    connection: PostgresConnection,
    { inserts, replacements, deletes }: Writes,
  ): Promise<ReadonlyMap<InstanceId, object>> {
    const bound = parameters();
    const ids = [...inserts, ...replacements, ...deletes].map((one) => one.id);
    const rows = (await connection.query(
      `select ${resultOf(`i.${id}`, idType)} as id, ${members}::varchar as members from ${table} i
       where i.${id} = any (${bound.addList([...new Set(ids)], idType)})`,
      bound.values,
    )) as { readonly id: InstanceId; readonly members: string }[];
    return new Map(
      rows.flatMap(({ id, members }) => {
        const value = parseStored(members);
        return isObject(value) ? [[id, value] as const] : [];
      }),
    );
  }
}

function isObject(value: JsonValue): value is { [key: string]: JsonValue } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function whereAllowed(writes: Writes, current: ReadonlyMap<InstanceId, object>): Writes {
  const memberOf = ({ id, key }: Written): JsonValue | undefined => {
    const members = current.get(id);
    return members !== undefined && Object.hasOwn(members, key) ? Reflect.get(members, key) : undefined;
  };
  const isUnchanged = (one: Written & { readonly replaces: { readonly value: JsonValue } }): boolean =>
    isDeepStrictEqual(memberOf(one), one.replaces.value);
  return {
    inserts: writes.inserts.filter((one) => {
      const member = memberOf(one);
      return current.has(one.id) && (member === undefined || (member === null && one.value !== null));
    }),
    replacements: writes.replacements.filter(isUnchanged),
    deletes: writes.deletes.filter(isUnchanged),
  };
}

function byInstance<One extends Written>(
  values: readonly One[],
  memberOf: (one: One) => [key: string, value: JsonValue],
): object {
  const objects = new Map<InstanceId, [key: string, value: JsonValue][]>();
  for (const one of values) {
    const members = objects.get(one.id);
    if (members === undefined) objects.set(one.id, [memberOf(one)]);
    else members.push(memberOf(one));
  }
  return Object.fromEntries([...objects].map(([id, members]) => [id, Object.fromEntries(members)]));
}
