/**
 * Calls `turn` until it answers `false`. Between two turns, all promise callbacks run that can: Node.js empties their
 * queue after each `setImmediate` callback. No virtual time passes.
 */
export function takeTurns(turn: () => boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const next = (): void => {
      try {
        if (turn()) setImmediate(next);
        else resolve();
      } catch (error) {
        reject(error);
      }
    };
    setImmediate(next);
  });
}
