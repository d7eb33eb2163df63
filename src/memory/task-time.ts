/** A point in time, as exact as it was given. */
export interface TaskTime {
  /** Whole milliseconds. */
  readonly milliseconds: number;
  /** The digits behind them, without zeros at the end. */
  readonly rest: string;
}

/**
 * Reads an ISO 8601 text, milliseconds or a `Date`. A text without a zone is UTC, whatever zone this process is in.
 * @returns `null` for what is no time.
 */
export function parseTaskTime(time: unknown): TaskTime | null {
  if (typeof time === 'string') return parseText(time);
  const number: unknown = typeof time === 'object' ? time?.valueOf() : time;
  if (typeof number !== 'number' || !Number.isFinite(number)) return null;
  const milliseconds = Math.floor(number);
  return { milliseconds, rest: withoutZeros((number - milliseconds).toFixed(20).slice(2)) };
}

/** Negative when `a` is earlier. */
export function compareTaskTimes(a: TaskTime, b: TaskTime): number {
  if (a.milliseconds !== b.milliseconds) return a.milliseconds < b.milliseconds ? -1 : 1;
  if (a.rest === b.rest) return 0;
  return a.rest < b.rest ? -1 : 1; // the digits of fractions sort as texts
}

const DATE = String.raw`(?<date>(?:\d{4}|[+-]\d{6})(?:-\d\d(?:-(?<day>\d\d))?)?)`;
const CLOCK = String.raw`(?<clock>\d\d:\d\d(?::\d\d(?:[.,](?<fraction>\d+))?)?)`;
const ZONE = String.raw`Z|(?<sign>[+-])(?<hours>[01]\d|2[0-3])(?::?(?<minutes>[0-5]\d)(?::?(?<seconds>[0-5]\d))?)?`;
const ISO_8601 = new RegExp(`^${DATE}(?:[T ]${CLOCK} ?(?:${ZONE})?)?$`, 'i');

function parseText(text: string): TaskTime | null {
  const parts = ISO_8601.exec(text)?.groups;
  if (parts === undefined) return null;
  const { date, day = '01', clock = '00:00', fraction = '' } = parts;
  const midnight = new Date(`${date}T00:00Z`);
  const start = Date.parse(`${date}T${clock.split(/[.,]/)[0]}Z`);
  // The 30th of February would be a day in March.
  if (Number.isNaN(start) || midnight.getUTCDate() !== Number(day)) return null;
  const digits = fraction.padEnd(3, '0');
  return {
    milliseconds: start - offsetOf(parts) + Number(digits.slice(0, 3)),
    rest: withoutZeros(digits.slice(3)),
  };
}

function offsetOf({ sign, hours, minutes, seconds }: Readonly<Record<string, string | undefined>>): number {
  const total = ((Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * 60 + Number(seconds ?? 0)) * 1000;
  return sign === '-' ? -total : total;
}

function withoutZeros(digits: string): string {
  return digits.replace(/0+$/, '');
}
