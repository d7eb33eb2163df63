/** Where log lines go: `console`, pino and winston fit as they are. */
export interface BackfillLogger {
  info(line: string): void;
  warn(line: string): void;
  error(line: string): void;
}
