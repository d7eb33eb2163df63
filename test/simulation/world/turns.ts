/**
 * Calls `turn` until it answers `false`. Between two turns every promise that can go on does so, to its end: Node.js
 * empties its queue of promise callbacks after each `setImmediate` callback. No time passes.
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
