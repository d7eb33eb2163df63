/** At most `count` members of a list, with the same distance between them. */
export function spread<Member>(list: readonly Member[], count: number): Member[] {
  if (list.length <= count) return [...list];
  return Array.from(
    { length: count },
    (_, index) => list[Math.floor((index * list.length) / count)] as Member,
  );
}
