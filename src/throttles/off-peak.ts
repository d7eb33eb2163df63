import { z } from 'zod';
import { expecting, parseInput } from '../input/parse-input.js';
import type { Throttle } from '../ports/throttle.js';
import { localTimeIn, weekdayOf } from './local-time.js';

export type Weekday = 'mon' | 'tue' | 'wed' | 'thu' | 'fri' | 'sat' | 'sun';

export interface OffPeakOptions {
  /** When the off-peak hours begin, such as '20:00'. */
  readonly from: string;
  /** When they end, such as '06:00'. Not later than `from`: on the next day. */
  readonly to: string;
  /** A name of the IANA time zone database, such as 'Europe/Berlin' or 'UTC'. */
  readonly timeZone: string;
  /** The days on which they begin. @default all */
  readonly days?: readonly Weekday[] | undefined;
  /** The time, in milliseconds since the epoch. @default Date.now */
  readonly now?: (() => number) | undefined;
}

/**
 * A throttle that lets batches go in the off-peak hours only. A `from` or `to` that a change of the
 * clocks skips counts as right after the change. Of a time that comes twice, the first counts.
 * @throws {InvalidInputError} when a time, a day or the time zone is wrong.
 * @example
 * runBackfill({ ..., throttle: offPeak({ from: '20:00', to: '06:00', timeZone: 'Europe/Berlin', days: ['fri', 'sat'] }) })
 */
export function offPeak(options: OffPeakOptions): Throttle {
  const { from, to, timeZone, days = WEEKDAYS, now = Date.now } = parseInput('offPeak', schema, options);
  const zone = localTimeIn(timeZone);
  const [begin, end] = [minutesOf(from), minutesOf(to)];
  const length = end > begin ? end - begin : end + MINUTES_PER_DAY - begin;
  const reason = `off-peak hours are from ${from} to ${to} (${timeZone}${days.length < 7 ? `, ${days.join(', ')}` : ''})`;

  return () => {
    const instant = now();
    const { day, ...month } = zone.dateAt(instant);
    // Yesterday first: its hours may last until today.
    for (let ahead = -1; ahead <= 8; ahead += 1) {
      const date = { ...month, day: day + ahead };
      if (!days.includes(WEEKDAYS[weekdayOf(date)] as Weekday)) continue;
      if (instant >= zone.instantOf(date, begin + length)) continue;
      const wait = zone.instantOf(date, begin) - instant;
      return wait > 0 ? { reason, retryAfterMs: wait } : null;
    }
    throw new RangeError(`there are no off-peak hours after ${instant}`);
  };
}

const WEEKDAYS: readonly Weekday[] = ['sun', 'mon', 'tue', 'wed', 'thu', 'fri', 'sat'];
const MINUTES_PER_DAY = 1_440;

function minutesOf(time: string): number {
  const [hours, minutes] = time.split(':');
  return 60 * Number(hours) + Number(minutes);
}

const time = expecting<string>(
  "a time from '00:00' to '23:59'",
  (value) => typeof value === 'string' && /^([01]\d|2[0-3]):[0-5]\d$/.test(value),
);

const schema: z.ZodType<OffPeakOptions> = z.strictObject({
  from: time,
  to: time,
  timeZone: expecting<string>("a time zone, such as 'Europe/Berlin' or 'UTC'", isTimeZone),
  days: expecting<readonly Weekday[]>("a list of days, such as ['sat', 'sun']", areWeekdays).optional(),
  now: expecting<() => number>('a function', (value) => typeof value === 'function').optional(),
});

function areWeekdays(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.every((day) => WEEKDAYS.includes(day));
}

function isTimeZone(value: unknown): boolean {
  if (typeof value !== 'string') return false;
  try {
    localTimeIn(value);
    return true;
  } catch {
    return false;
  }
}
