import type { LiveEvent } from '../history.js';
import type { JudgedInstance } from './judged-world.js';

/** Applies what the engine or a user has done to an instance. */
export function applyLiveEvent(
  event: LiveEvent,
  at: number,
  instances: Map<number, JudgedInstance>,
  begunAt: Map<number, number>,
): void {
  if (event.type === 'begin') {
    begunAt.set(event.transaction, at);
    return;
  }
  const instance = instances.get(event.id);
  switch (event.type) {
    case 'insert': {
      const { type: _, rows, transaction, ...fields } = event;
      const began = transaction === null ? at : (begunAt.get(transaction) ?? at);
      instances.set(event.id, {
        ...fields,
        begunAt: began,
        insertedAt: at,
        rows: new Map(Object.entries(rows)),
      });
      return;
    }
    case 'complete-task':
      if (instance === undefined) return;
      instance.task = event.task;
      for (const [key, row] of Object.entries(event.rows)) instance.rows.set(key, row);
      return;
    case 'finish':
      if (instance !== undefined) instance.running = false;
      return;
    case 'edit':
      if (event.row === null) instance?.rows.delete(event.key);
      else instance?.rows.set(event.key, event.row);
      return;
    case 'delete':
      instances.delete(event.id);
  }
}
