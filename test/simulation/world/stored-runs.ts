import { type HeaderView, readHeader } from '../read-record.js';
import type { Scene } from './scene.js';

/** The headers of the newest 100 runs, newest first. */
export function storedRuns({ store }: Pick<Scene, 'store'>): HeaderView[] {
  const all = { processModelId: null, activeKey: null, active: null, before: null, limit: 100 };
  return store.find(all).map(readHeader);
}
