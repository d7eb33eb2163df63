/**
 * What drivers make of the result types that the repository asks for, by the number of the type, unless a host has told
 * them otherwise.
 */
export function resultParsers(
  read: (text: string) => unknown = asText,
): Readonly<Record<number, (text: string) => unknown>> {
  return { [BOOL]: (text) => text === 't', [INT4]: Number, [TEXT]: read, [VARCHAR]: asText };
}

const BOOL = 16;
const INT4 = 23;
const TEXT = 25;
const VARCHAR = 1043;

function asText(text: string): string {
  return text;
}
