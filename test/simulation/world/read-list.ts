import type { BackfillService, InstanceDifference, InstanceFailure } from '../../../src/index.js';

interface Listed {
  readonly failures: InstanceFailure;
  readonly differences: InstanceDifference;
}

/** All failures or differences of a run, read page by page. */
export async function readList<Name extends keyof Listed>(
  name: Name,
  service: BackfillService<never>,
  runId: string,
  { limit, betweenPages }: { readonly limit: number; betweenPages?(): Promise<void> },
): Promise<readonly Listed[Name][]> {
  const all: Listed[Name][] = [];
  for (let after: string | null | undefined; after !== null; ) {
    const page: Page<Name> = (await service[name](runId, { after, limit })) as unknown as Page<Name>;
    const { length } = page[name];
    if (length > limit || (length < limit && page.next !== null))
      throw new Error(`a page has ${length} items`);
    all.push(...page[name]);
    after = page.next;
    if (after !== null) await betweenPages?.();
  }
  return all;
}

type Page<Name extends keyof Listed> = { readonly [Member in Name]: readonly Listed[Name][] } & {
  readonly next: string | null;
};
