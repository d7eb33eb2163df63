/** A day of the calendar. */
export interface LocalDate {
  readonly year: number;
  /** From 1 on. */
  readonly month: number;
  /** From 1 on. May lie outside of the month, as for `Date.UTC`. */
  readonly day: number;
}

/** What the clocks and calendars of a time zone show. */
export interface LocalTime {
  dateAt(instant: number): LocalDate;
  /**
   * The first instant, in milliseconds since the epoch, at which the clocks of that day show `minutes` after midnight or later.
   * An hour that a change of the clocks skips begins right after the change. Of an hour that comes twice, the first counts.
   */
  instantOf(date: LocalDate, minutes: number): number;
}

const MINUTE = 60_000;
/** No time zone is a day from UTC, or changes its clocks twice in two days. */
const DAY = 1_440 * MINUTE;

/** @throws {RangeError} when there is no such time zone. */
export function localTimeIn(timeZone: string): LocalTime {
  const format = new Intl.DateTimeFormat('en-US', {
    timeZone,
    calendar: 'gregory',
    numberingSystem: 'latn',
    hourCycle: 'h23',
    year: 'numeric',
    month: 'numeric',
    day: 'numeric',
    hour: 'numeric',
    minute: 'numeric',
    second: 'numeric',
  });

  /** What the clocks show, as if they were those of UTC. */
  function shownAt(instant: number): number {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, Number(value)]));
    const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
    return Date.UTC(
      part('year'),
      part('month') - 1,
      part('day'),
      part('hour'),
      part('minute'),
      part('second'),
    );
  }

  return {
    dateAt(instant) {
      const shown = new Date(shownAt(instant));
      return { year: shown.getUTCFullYear(), month: shown.getUTCMonth() + 1, day: shown.getUTCDate() };
    },
    instantOf({ year, month, day }, minutes) {
      const wanted = Date.UTC(year, month - 1, day) + minutes * MINUTE;
      // The clocks show it at one of these, unless a change of the clocks lies between them and skips it.
      const offsets = [wanted - DAY, wanted + DAY].map((near) => shownAt(near) - near);
      const [earliest, latest] = [wanted - Math.max(...offsets), wanted - Math.min(...offsets)];
      if (shownAt(earliest) >= wanted) return earliest;
      let [before, after] = [earliest, latest];
      while (after - before > 1) {
        const middle = Math.floor((before + after) / 2);
        if (shownAt(middle) >= wanted) after = middle;
        else before = middle;
      }
      return after;
    },
  };
}

/** From 0, a Sunday, to 6. */
export function weekdayOf({ year, month, day }: LocalDate): number {
  return new Date(Date.UTC(year, month - 1, day)).getUTCDay();
}
