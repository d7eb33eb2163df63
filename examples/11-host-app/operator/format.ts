import type { ExtractionPath, Share } from 'process-metadata-backfill';

const NUMBER = new Intl.NumberFormat('en');

export function count(value: number): string {
  return NUMBER.format(Math.round(value));
}

/** `1 instance`, `2 instances`. */
export function counted(value: number, noun: string, plural = `${noun}s`): string {
  return `${count(value)} ${Math.round(value) === 1 ? noun : plural}`;
}

/** Says `0 %` and `100 %` only if it is exactly so. */
export function percent(rate: number): string {
  const rounded = Math.round(rate * 100);
  if (rate > 0 && rounded === 0) return 'under 1 %';
  if (rate < 1 && rounded === 100) return 'over 99 %';
  return `${rounded} %`;
}

/** A share with its interval, unless it was counted exactly. */
export function share({ rate, low, high }: Share): string {
  if (low === high) return percent(rate);
  return `${percent(rate)} (${Math.floor(low * 100)} to ${Math.ceil(high * 100)} %)`;
}

export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 120) return `${Math.round(seconds)} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 120) return `${minutes} min`;
  return `${(minutes / 60).toFixed(1)} h`;
}

/** In UTC, to the second. */
export function time(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

export function isoTime(ms: number): string {
  return new Date(ms).toISOString();
}

/** A path as people write it. */
export function pathText(path: ExtractionPath['path']): string {
  if (typeof path === 'string') return path;
  return path
    .map((segment, index) => {
      if (/^\d+$/.test(segment)) return `[${segment}]`;
      if (/^[^\s.[\]"'$/*]+$/.test(segment)) return index === 0 ? segment : `.${segment}`;
      return `[${JSON.stringify(segment)}]`;
    })
    .join('');
}

/** A stored value as a cell shows it. */
export function valueText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

export function shortened(text: string, length: number): string {
  return text.length > length ? `${text.slice(0, length)}…` : text;
}
