import type { InstanceId, InstanceWrites } from '../../../ports/repository.js';
import type { PromiseOf } from '../conformance-case.js';
import { notOffered, sorted } from '../expectations.js';
import { expectOutcome } from './expect-outcome.js';
import { at, fill, NEXT_REVISION, REVISION, type TestedRepository, task } from './tested-repository.js';

/** What a commit does with instances that were saved since their page was read. */
export const movedPromises: readonly PromiseOf<TestedRepository>[] = [
  {
    name: 'commit: leaves out the instances with newer task data than the page, writes the others, and names them',
    capability: 'versions',
    advice:
      'lock the instances first. Then compare each `version` with the current one. Give the ids of those that differ to `next` as `moved`, write nothing for them, and go on with the others.',
    async check(host) {
      const [changed, unchanged, starting] = [
        await insertRunning(host),
        await insertRunning(host),
        await host.insert({ running: true }),
      ];
      const ended = await host.insert();
      const writes = [];
      for (const id of [changed, unchanged, starting]) writes.push(await writesFor(host, id));
      for (const id of [changed, starting]) await save(host, id);
      const record = host.record();
      await host.store(record);
      const next = { ...record, revision: NEXT_REVISION };

      const committed = await host.write(
        [...writes, { id: ended, values: [fill('city', host.form('Oslo'))] }],
        { expected: [{ id: record.id, revision: REVISION }], next: () => [next] },
      );

      expectOutcome(committed, { kept: [], moved: sorted([changed, starting]) });
      for (const id of [changed, starting]) await host.expectMetadata(id, {});
      for (const id of [unchanged, ended]) await host.expectMetadata(id, { city: 'Oslo' });
      await host.expectRecords(record.runId, [next]);
    },
  },
  {
    name: 'commit: writes an instance if its version is unchanged or was not given',
    capability: 'versions',
    advice:
      'compute the version by the same expression in the page and in the commit. Compare it only if one was given.',
    async check(host) {
      const [unchanged, changed] = [await insertRunning(host), await insertRunning(host)];
      const writes = await writesFor(host, unchanged);
      await save(host, changed);

      const committed = await host.write([
        writes,
        { id: changed, values: [fill('city', host.form('Oslo'))] },
      ]);

      expectOutcome(committed, { kept: [], moved: [] });
      for (const id of [unchanged, changed]) await host.expectMetadata(id, { city: 'Oslo' });
    },
  },
];

function insertRunning(host: TestedRepository): Promise<InstanceId> {
  return host.insert({ running: true, tasks: [task({ city: 'old' }, { endedAt: at(1) })] });
}

function save(host: TestedRepository, id: InstanceId): Promise<void> {
  return host.fixture.addTask(id, task({ city: 'new' }, { endedAt: at(2) }));
}

/** As a page of the run sees the instance. */
async function writesFor(host: TestedRepository, id: InstanceId): Promise<InstanceWrites> {
  const { version } = await host.readOne(id);
  if (version === undefined) notOffered('snapshots of running instances come without a version');
  return { id, version, values: [fill('city', host.form('Oslo'))] };
}
