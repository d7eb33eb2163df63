/** Never more than the message: drivers hang statements and values on their errors. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
