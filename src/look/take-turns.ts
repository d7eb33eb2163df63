/** At most `count` members: the first one of each list, then the second one of each, and so on. Each member once. */
export function takeTurns<Member>(lists: readonly (readonly Member[])[], count: number): Member[] {
  const taken = new Set<Member>();
  const longest = Math.max(0, ...lists.map(({ length }) => length));
  for (let turn = 0; turn < longest; turn += 1) {
    for (const list of lists) {
      const member = list[turn];
      if (taken.size < count && member !== undefined) taken.add(member);
    }
  }
  return [...taken];
}
