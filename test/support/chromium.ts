import { access, constants } from 'node:fs/promises';

const PROGRAM = process.env.CHROMIUM || '/usr/bin/chromium';

export const CHROMIUM_HINT = `no Chromium at ${PROGRAM}, install Debian's package chromium or set CHROMIUM`;

/** The program that browser tests start. `null`: there is none. */
export function chromiumProgram(): Promise<string | null> {
  return access(PROGRAM, constants.X_OK).then(
    () => PROGRAM,
    () => null,
  );
}
