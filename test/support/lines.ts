import type { BackfillLogger } from '../../src/index.js';

/** A logger that keeps its lines. */
export function linesLogger(): BackfillLogger & { readonly lines: string[] } {
  const lines: string[] = [];
  const write = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  return { lines, info: write('info'), warn: write('warn'), error: write('error') };
}
