import { describe, expect, test } from 'vitest';
import { InvalidInputError, offPeak, type Weekday } from '../../src/index.js';

const HOUR = 3_600_000;
const at = (text: string): number => Date.parse(text);

/** What the throttle says at this time: that a batch may go, or when to ask again. */
async function askedAt(
  time: string,
  options: Omit<Parameters<typeof offPeak>[0], 'now'>,
): Promise<string | null> {
  const answer = await offPeak({ ...options, now: () => at(time) })();
  return answer === null ? null : new Date(at(time) + answer.retryAfterMs).toISOString();
}

describe('off-peak hours', () => {
  const night = { from: '20:00', to: '06:00', timeZone: 'Europe/Berlin' };

  test.each([
    ['2026-11-27T18:59:59.999Z', '2026-11-27T19:00:00.000Z'],
    ['2026-11-27T19:00:00.000Z', null],
    ['2026-11-27T23:30:00.000Z', null],
    ['2026-11-28T04:59:59.999Z', null],
    ['2026-11-28T05:00:00.000Z', '2026-11-28T19:00:00.000Z'],
  ])('over midnight: asked at %s, answers %s', async (time, next) => {
    expect(await askedAt(time, night)).toBe(next);
  });

  test.each([
    ['2026-11-27T11:00:00Z', null],
    ['2026-11-27T12:00:00Z', '2026-11-28T11:00:00.000Z'],
  ])('within a day: asked at %s, answers %s', async (time, next) => {
    expect(await askedAt(time, { from: '11:00', to: '12:00', timeZone: 'UTC' })).toBe(next);
  });

  test('of equal times last a whole day', async () => {
    const options = { from: '08:00', to: '08:00', timeZone: 'UTC', days: ['sat'] as const };
    expect(await askedAt('2026-11-28T07:59:00Z', options)).toBe('2026-11-28T08:00:00.000Z'); // a Saturday
    expect(await askedAt('2026-11-29T07:59:00Z', options)).toBeNull();
    expect(await askedAt('2026-11-29T08:00:00Z', options)).toBe('2026-12-05T08:00:00.000Z');
  });

  test('belong to the day on which they begin', async () => {
    const weekend = { ...night, days: ['fri', 'sat'] as const };
    expect(await askedAt('2026-11-29T04:00:00Z', weekend)).toBeNull(); // early on Sunday
    expect(await askedAt('2026-11-29T19:00:00Z', weekend)).toBe('2026-12-04T19:00:00.000Z');
  });

  test('have a reason that says when they are', async () => {
    const throttle = offPeak({ ...night, days: ['fri'], now: () => at('2026-11-27T12:00:00Z') });
    expect(await throttle()).toEqual({
      reason: 'off-peak hours are from 20:00 to 06:00 (Europe/Berlin, fri)',
      retryAfterMs: 7 * HOUR,
    });
  });

  test('follow the clock of the machine by default', async () => {
    expect(await offPeak({ from: '00:00', to: '00:00', timeZone: 'UTC' })()).toBeNull();
  });
});

describe('when the clocks change', () => {
  const berlin = { timeZone: 'Europe/Berlin' };

  test.each([
    // In the night to 2026-03-29, the clocks go from 02:00 to 03:00, at 01:00 UTC.
    ['a beginning that is skipped', '02:30', '05:00', '2026-03-29T00:59:59Z', '2026-03-29T01:00:00.000Z'],
    ['a beginning that is skipped', '02:30', '05:00', '2026-03-29T01:00:00Z', null],
    ['an end that is skipped', '01:00', '02:30', '2026-03-29T00:59:59Z', null],
    ['an end that is skipped', '01:00', '02:30', '2026-03-29T01:00:00Z', '2026-03-29T23:00:00.000Z'],
    ['hours that are skipped', '02:10', '02:50', '2026-03-29T01:00:00Z', '2026-03-30T00:10:00.000Z'],
    // In the night to 2026-10-25, they go from 03:00 back to 02:00, at 01:00 UTC.
    ['a beginning that comes twice', '02:30', '05:00', '2026-10-25T00:29:59Z', '2026-10-25T00:30:00.000Z'],
    ['a beginning that comes twice', '02:30', '05:00', '2026-10-25T01:10:00Z', null],
    ['an end that comes twice', '01:00', '02:30', '2026-10-25T00:29:59Z', null],
    ['an end that comes twice', '01:00', '02:30', '2026-10-25T01:10:00Z', '2026-10-26T00:00:00.000Z'],
  ])('%s: from %s to %s, asked at %s, answers %s', async (_, from, to, time, next) => {
    expect(await askedAt(time, { ...berlin, from, to })).toBe(next);
  });

  // Lord Howe Island changes its clocks by half an hour. Samoa left out 2011-12-30.
  test.each([
    ['Europe/Berlin', '2026-03-27', '00:00', '06:00'],
    ['Europe/Berlin', '2026-10-23', '23:30', '02:15'],
    ['America/New_York', '2026-03-06', '22:00', '02:30'],
    ['America/New_York', '2026-10-30', '01:30', '01:45'],
    ['Australia/Lord_Howe', '2026-04-03', '01:45', '04:00'],
    ['Australia/Lord_Howe', '2026-10-02', '02:15', '02:20'],
    ['Pacific/Apia', '2011-12-28', '20:00', '06:00'],
    ['Asia/Kathmandu', '2026-05-01', '13:00', '05:00'],
  ])(
    '%s from %s on: says the same as the clocks, minute by minute, from %s to %s',
    async (timeZone, date, from, to) => {
      const days: readonly Weekday[] = ['wed', 'fri', 'sat', 'sun'];
      const start = at(`${date}T00:00:00Z`);
      const shown = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
      const minutes = Array.from({ length: 6 * 1_440 }, (_, minute) => start + minute * 60_000);
      const clocks = minutes.map((instant) => shown.format(instant));
      const firstAt = (time: string): number => {
        const index = clocks.findIndex((clock) => clock >= time);
        return index === -1 ? Number.POSITIVE_INFINITY : start + index * 60_000;
      };
      const dayAfter = (day: string, count: number): string =>
        new Date(at(`${day}T00:00:00Z`) + count * 24 * HOUR).toISOString().slice(0, 10);
      const hours = Array.from({ length: 4 }, (_, index) => dayAfter(date, index + 1))
        .filter((day) =>
          days.includes(
            new Intl.DateTimeFormat('en-US', { weekday: 'short', timeZone: 'UTC' })
              .format(at(day))
              .toLowerCase() as Weekday,
          ),
        )
        .map((day) => ({
          begin: firstAt(`${day} ${from}`),
          end: firstAt(`${to > from ? day : dayAfter(day, 1)} ${to}`),
        }));

      let now = 0;
      const throttle = offPeak({ from, to, timeZone, days, now: () => now });
      const wrong: unknown[] = [];
      for (let day = 2; day < 4; day += 1) {
        for (let minute = 0; minute < 1_440; minute += 1) {
          now = start + day * 24 * HOUR + minute * 60_000;
          const isOffPeak = hours.some(({ begin, end }) => begin <= now && now < end);
          const answer = await throttle();
          if ((answer === null) !== isOffPeak) wrong.push({ now: new Date(now), answer });
        }
      }
      expect(wrong).toEqual([]);
    },
  );
});

test.each([
  [{ from: '8:00' }, "from: expected a time from '00:00' to '23:59', got \"8:00\""],
  [{ to: '24:00' }, "to: expected a time from '00:00' to '23:59', got \"24:00\""],
  [
    { timeZone: 'Europe/Bonn' },
    "timeZone: expected a time zone, such as 'Europe/Berlin' or 'UTC', got \"Europe/Bonn\"",
  ],
  [{ days: ['saturday'] }, "days: expected a list of days, such as ['sat', 'sun'], got a list of 1"],
  [{ days: [] }, "days: expected a list of days, such as ['sat', 'sun'], got a list of 0"],
  [{ day: ['sat'] }, 'day: unknown name; did you mean days?'],
])('refuses %o', (wrong, message) => {
  const options = { from: '20:00', to: '06:00', timeZone: 'UTC', ...wrong } as Parameters<typeof offPeak>[0];
  expect(() => offPeak(options)).toThrow(InvalidInputError);
  expect(() => offPeak(options)).toThrow(message);
});
