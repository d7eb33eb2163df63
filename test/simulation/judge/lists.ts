import { isDeepStrictEqual } from 'node:util';
import type { JudgedCall, JudgedRun, Listed } from './judged-world.js';
import { type Rules, whoOf } from './judgement.js';

/** What a run lists. */
export type ListName = 'failures' | 'differences';

const INVARIANTS = { failures: 28, differences: 30 } as const;

/**
 * 28, 30. All pages of a list are of one walk. No item comes twice. Every item comes that was listed when the reading began, in the
 *    order of the records. The reader is stopped only if another walk begins. Apart from readers and retries, no call fails because a list cannot be read.
 */
export const listRules: Rules = {
  return({ call: id, answer }, { world, broken }) {
    const call = world.calls.get(id);
    const run = world.runs.get(String(call?.argument.runId));
    if (call === undefined || run === undefined || !isReader(call)) return;
    const names = (answer as unknown as readonly ListedView[]).map(nameOf);
    const { method, walkThen, listedThen } = call;
    const walks = [
      ...run.formerLists.map((list) => ({ walk: list.walk, listed: list[method] })),
      { walk: run.header.walk, listed: namesListed(run, method) },
    ];
    const isOf = ({ walk, listed }: (typeof walks)[number]): boolean =>
      walk >= walkThen &&
      isDeepStrictEqual(
        names,
        [...listed].filter((name) => names.includes(name)),
      ) &&
      (walk > walkThen || [...listedThen].every((name) => names.includes(name)));
    if (new Set(names).size < names.length)
      broken(INVARIANTS[method], `${method} returned something twice: [${names.join(', ')}]`);
    else if (!walks.some(isOf))
      broken(
        INVARIANTS[method],
        `${method} returned [${names.join(', ')}], but of walk ${walkThen} it had [${[...listedThen].join(', ')}], and now it has [${[...namesListed(run, method)].join(', ')}]`,
      );
  },

  throw({ call: id, code, message }, { world, broken }) {
    const call = world.calls.get(id);
    const run = world.runs.get(String(call?.argument.runId));
    if (call === undefined) return;
    if (isReader(call) && code === 'RUN_STATE' && run?.header.walk === call.walkThen)
      broken(INVARIANTS[call.method], `${whoOf(call)} was told of another walk: ${message}`);
    if (call.lastFault === 'unreadable' && !isReader(call) && call.method !== 'retry-failed')
      broken(28, `${whoOf(call)} failed because a list cannot be read: ${message}`);
  },
};

/** What this walk has listed, in the order of its records. */
export function namesListed({ failed, differing }: JudgedRun, name: ListName): ReadonlySet<string> {
  const lists: readonly (readonly Listed<ListedView>[])[] = [
    ...(name === 'failures' ? failed : differing).values(),
  ];
  const inOrder = lists.flat().sort((a, b) => a.shard - b.shard || a.number - b.number);
  return new Set(inOrder.map(nameOf));
}

export interface ListedView {
  readonly instanceId: number;
  readonly key: string | null;
  readonly code: string;
}

export function nameOf({ instanceId, key, code }: ListedView): string {
  return `${instanceId}${key === null ? '' : `.${key}`} ${code}`;
}

export function isReader(
  call: Pick<JudgedCall, 'method'>,
): call is JudgedCall & { readonly method: ListName } {
  return call.method === 'failures' || call.method === 'differences';
}
