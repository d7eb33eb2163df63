import { isDeepStrictEqual } from 'node:util';
import { type HeaderView, libraryRecords, type OwnedKeyView } from '../read-record.js';
import { ownersAfter, readFrom } from './judged-keys.js';
import { isTrial, ownsKeys, type Rules } from './judgement.js';

/**
 * 34. The owner record has each key that a run writes. It says where the key is read, by the last request or model update, whether a
 *    run over some instances has tried another path since, and which run over all instances was last requested for it. After its
 *    path has changed, that is none.
 */
export const ownerRecordRules: Rules = {
  commit(event, { world, changes, broken }) {
    if (event.status !== 'committed') return;
    const created = changes.flatMap(({ run, header }) =>
      run === null && header !== null && !header.after.definition.dryRun ? [header.after] : [],
    );
    const record = event.records.find(libraryRecords.isOwners);
    if (record === undefined) {
      if (created.length > 0) broken(34, 'a run that writes was stored without the owner record');
      return;
    }
    const stored = world.records.get(record.id);
    const before = stored === undefined ? [] : libraryRecords.ownedKeys(stored);
    const after = libraryRecords.ownedKeys(record);
    const updates = ownersAfter(event, [], world.calls.get(event.call));
    const requested = created.flatMap(({ definition }) => definition.paths.map(({ key }) => key));
    for (const key of new Set([...before.map((owned) => owned.key), ...requested])) {
      const updated = afterUpdate(find(before, key), updates.get(key)?.segments);
      const expected = created.reduce((owned, header) => afterRequest(owned, header, key), updated);
      const { segments, tried, filler } = find(after, key) ?? {};
      if (!isDeepStrictEqual({ segments, tried, filler }, expected))
        broken(
          34,
          `the owner record says of "${key}": ${JSON.stringify({ segments, tried, filler })}, not ${JSON.stringify(expected)}`,
        );
    }
    const stray = after.find(({ key }) => find(before, key) === undefined && !requested.includes(key));
    if (stray !== undefined) broken(34, `the owner record lists "${stray.key}", which no run writes`);
  },
};

type Owned = Pick<OwnedKeyView, 'segments' | 'tried' | 'filler'>;

function find(keys: readonly OwnedKeyView[], key: string): OwnedKeyView | undefined {
  return keys.find((owned) => owned.key === key);
}

/** @param path where the update reads the key. `null`: it removes the key. `undefined`: it leaves the key alone. */
function afterUpdate(owned: OwnedKeyView | undefined, path: Owned['segments'] | undefined): Owned {
  const { segments = null, tried = false, filler = null } = owned ?? {};
  const isOnlyTried = tried && segments === null && filler === null;
  const isSame = path === undefined || (isDeepStrictEqual(path, segments) && !isOnlyTried);
  // An update of a key that no run has written yet changes nothing.
  return isSame || owned === undefined ? { segments, tried, filler } : { ...NOBODYS, segments: path };
}

const NOBODYS: Omit<Owned, 'segments'> = { tried: false, filler: null };

function afterRequest(owned: Owned, header: HeaderView, key: string): Owned {
  const path = header.definition.paths.find((one) => one.key === key);
  if (path === undefined) return owned;
  if (ownsKeys(header)) return { segments: readFrom(path), tried: false, filler: header.runId };
  const isOther = isTrial(header) && !isDeepStrictEqual(readFrom(path), owned.segments);
  return isOther ? { ...owned, tried: true } : owned;
}
