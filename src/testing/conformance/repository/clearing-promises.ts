import type { InstanceId, InstanceWrites, MetadataWrite } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { notOffered } from '../expectations.js';
import { expectOutcome } from './expect-outcome.js';
import { fill, type TestedRepository } from './tested-repository.js';

const DELETE_GUARD =
  'put the guard into the statement that deletes: `delete … where` the row has the token in `replaces`. Without tokens, compare the value.';

/** How a commit clears a value that its path no longer finds: it becomes null, or its row goes. */
export const clearingPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'commit: replaces the value that was read by null',
    capability: 'null rows',
    advice:
      'treat null with `replaces` as any other value: update the row if it still is the one that was read. Only a null without `replaces` leaves values alone.',
    async check(host) {
      assertStoresNull(host);
      const id = await host.insert();
      await host.setMetadata(id, 'city', 'old');

      const committed = await host.write([await nulling(host, id)]);

      await host.expectMetadata(id, { city: null });
      expectOutcome(committed, { kept: [] });
    },
  },
  {
    name: 'commit: when it replaces by null, keeps a row that was changed or deleted since the read, and reports it',
    capability: 'null rows',
    advice:
      'a null has the same guard as a value: `update … where` the row has the token in `replaces`, and no insert.',
    async check(host) {
      assertStoresNull(host);
      const [changed, rewritten, deleted] = [await host.insert(), await host.insert(), await host.insert()];
      for (const id of [changed, rewritten, deleted]) await host.setMetadata(id, 'city', 'old');
      const hasTokens = (await host.readRow(rewritten, 'city')).token !== undefined;

      const writes = [
        await nulling(host, changed),
        await nulling(host, rewritten),
        await nulling(host, deleted),
      ];
      await host.setMetadata(changed, 'city', 'live');
      if (hasTokens) await host.setMetadata(rewritten, 'city', 'old');
      await host.fixture.deleteMetadata(deleted, 'city');
      const committed = await host.write(writes);

      await host.expectMetadata(changed, { city: 'live' });
      await host.expectMetadata(rewritten, { city: hasTokens ? 'old' : null });
      await host.expectMetadata(deleted, {});
      const kept = hasTokens ? [changed, rewritten, deleted] : [changed, deleted];
      expectOutcome(committed, { kept: kept.map((id) => ({ id, key: 'city' })) });
    },
  },
  {
    name: 'commit: deletes the row that was read',
    capability: 'deletes',
    advice: `delete the row of a write without a value, do not set it to null. ${DELETE_GUARD}`,
    async check(host) {
      assertDeletes(host);
      const id = await host.insert();
      await host.setMetadata(id, 'city', 'old');

      const committed = await host.write([await deleting(host, id)]);

      await host.expectMetadata(id, {});
      expectOutcome(committed, { kept: [] });
    },
  },
  {
    name: 'commit: removes a null row that was read',
    capability: 'deletes of null rows',
    advice:
      'in SQL, `value = null` is never true. Compare the token, or compare values by `is not distinct from` (`<=>` in MariaDB, `is` in SQLite).',
    async check(host) {
      assertDeletes(host);
      assertStoresNull(host);
      const id = await host.insert();
      await host.setMetadata(id, 'city', null);

      const committed = await host.write([await deleting(host, id)]);

      await host.expectMetadata(id, {});
      expectOutcome(committed, { kept: [] });
    },
  },
  {
    name: 'commit: when it deletes, keeps a row that was changed since the read, and reports it',
    capability: 'deletes',
    advice: `${DELETE_GUARD} Put (id, key) of each row that was not deleted into \`kept\`.`,
    async check(host) {
      assertDeletes(host);
      const [changed, rewritten] = [await host.insert(), await host.insert()];
      for (const id of [changed, rewritten]) await host.setMetadata(id, 'city', 'old');
      const hasTokens = (await host.readRow(rewritten, 'city')).token !== undefined;

      const writes = [await deleting(host, changed), await deleting(host, rewritten)];
      await host.setMetadata(changed, 'city', 'live');
      if (hasTokens) await host.setMetadata(rewritten, 'city', 'old');
      const committed = await host.write(writes);

      await host.expectMetadata(changed, { city: 'live' });
      await host.expectMetadata(rewritten, hasTokens ? { city: 'old' } : {});
      const kept = hasTokens ? [changed, rewritten] : [changed];
      expectOutcome(committed, { kept: kept.map((id) => ({ id, key: 'city' })) });
    },
  },
  {
    name: 'commit: when it deletes, reports a row that was deleted since the read as kept, but none of a gone instance',
    capability: 'deletes',
    advice:
      'compare what the statement has deleted with what it was to delete (`returning`, or a select before it). A gone instance belongs only into `gone`.',
    async check(host) {
      assertDeletes(host);
      const [deleted, gone] = [await host.insert(), await host.insert()];
      for (const id of [deleted, gone]) await host.setMetadata(id, 'city', 'old');

      const writes = [await deleting(host, deleted), await deleting(host, gone)];
      await host.fixture.deleteMetadata(deleted, 'city');
      await host.fixture.deleteInstance(gone);
      const committed = await host.write(writes);

      await host.expectMetadata(deleted, {});
      expectOutcome(committed, { gone: [gone], kept: [{ id: deleted, key: 'city' }] });
    },
  },
  {
    name: 'commit: when it deletes, leaves other rows of the instance, and rows of other instances, to their own writes',
    capability: 'deletes',
    advice:
      'name both the instance and the key in the statement that deletes. One commit may delete, replace and fill rows of the same instance.',
    async check(host) {
      assertDeletes(host);
      const [first, second] = [await host.insert(), await host.insert()];
      for (const id of [first, second]) {
        for (const key of ['city', 'town', 'street']) await host.setMetadata(id, key, 'old');
      }
      const { id, values } = await deleting(host, first);
      const town: MetadataWrite = {
        key: 'town',
        value: host.form('Hamar'),
        replaces: await host.readRow(first, 'town'),
      };

      const committed = await host.write([
        { id, values: [...values, town, fill('county', host.form('Viken'))] },
        { id: second, values: [fill('county', host.form('Troms'))] },
      ]);

      await host.expectMetadata(first, { town: 'Hamar', street: 'old', county: 'Viken' });
      await host.expectMetadata(second, { city: 'old', town: 'old', street: 'old', county: 'Troms' });
      expectOutcome(committed, { kept: [] });
    },
  },
];

function assertStoresNull({ repository }: TestedRepository): void {
  if (repository.storesNull === false) notOffered('storesNull is false');
}

function assertDeletes({ repository }: TestedRepository): void {
  if (repository.deletes !== true) notOffered('deletes is not true');
}

/** A write that makes the row under `city` null, as it is now. */
async function nulling(host: TestedRepository, id: InstanceId): Promise<InstanceWrites> {
  return { id, values: [{ key: 'city', value: null, replaces: await host.readRow(id, 'city') }] };
}

/** A write that deletes the row under `city`, as it is now. */
async function deleting(host: TestedRepository, id: InstanceId): Promise<InstanceWrites> {
  return { id, values: [{ key: 'city', replaces: await host.readRow(id, 'city') }] };
}
