/** Calls what a host has passed for information only. What it throws, or rejects with, is ignored. */
export function ignoreErrors(call: () => unknown, onError: (error: unknown) => void = () => {}): void {
  try {
    Promise.resolve(call()).catch((error: unknown) => ignoreErrors(() => onError(error)));
  } catch (error) {
    ignoreErrors(() => onError(error));
  }
}
