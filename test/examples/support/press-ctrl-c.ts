/**
 * Imported before an example: presses Ctrl-C twice, as a terminal does, when the example prints the text in `CTRL_C_AT`. A
 * test that watched the output would press it later, the busier the machine is.
 */

const text = process.env.CTRL_C_AT ?? '';
const write = process.stdout.write;
let isPressed = false;

process.stdout.write = ((...args: Parameters<typeof write>) => {
  const isWritten = write.apply(process.stdout, args);
  if (!isPressed && String(args[0]).includes(text)) {
    isPressed = true;
    process.once('SIGINT', () => process.kill(0, 'SIGINT'));
    process.kill(0, 'SIGINT'); // to the whole process group
  }
  return isWritten;
}) as typeof write;
