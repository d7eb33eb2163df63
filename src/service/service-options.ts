import { z } from 'zod';
import { expecting, nonBlank, oneOf, trueOrFalse, wholeNumber } from '../input/parse-input.js';
import type { BackfillQueue, JobPayload } from '../ports/queue.js';
import type { BackfillRepository } from '../ports/repository.js';
import { aQueue, aRepository, type CallOptions, callFields } from '../run/options/backfill-options.js';
import { definitionFields } from '../run/options/definition-options.js';
import { type RequesterOptions, requesterFields } from '../run/options/requester-options.js';
import { type TuningOptions, tuningFields } from '../run/options/tuning-options.js';
import type { ListName } from '../run/record/listed-records.js';
import type { RequestDefaults } from './backfill-request.js';
import { placeIn } from './list-token.js';
import type { BackfillConfig } from './load-backfill-config.js';

export interface ServiceOptions<Transaction = never> extends RequestDefaults, TuningOptions {
  readonly repository: BackfillRepository<Transaction>;
  readonly queue: BackfillQueue<Transaction>;
  /** From `loadBackfillConfig`. @default enabled */
  readonly config?: Pick<BackfillConfig, 'enabled'> | undefined;
  /** Whether requests may carry a `transaction`. Then both ports must be transactional. @default false */
  readonly transactional?: boolean | undefined;
}

/** Which runs to list, newest first. */
export interface RunListFilter {
  /** @default of all models */
  readonly processModelId?: string | undefined;
  /** `true`: only runs that have not ended, `false`: only those that have. @default both */
  readonly active?: boolean | undefined;
  /** Only runs older than this run id. For the next page, pass the last id of this one. @default from the newest on */
  readonly before?: string | undefined;
  /** From 1 to 1,000. @default 100 */
  readonly limit?: number | undefined;
}

/** Which page of the failures or differences of a run to read. */
export interface ListPageOptions {
  /** The `next` of the page before, of the same list and run. It is opaque. @default from the first one on */
  readonly after?: string | null | undefined;
  /** The most items on the page, from 1 to 10,000. @default 1_000 */
  readonly limit?: number | undefined;
}

export interface SweepOptions {
  /** Milliseconds that a shard may go without a commit, at least 1,000. Choose far more than a batch or a retry takes. */
  readonly staleAfterMs: number;
}

export const sweepOptions: z.ZodType<SweepOptions> = z.strictObject({
  staleAfterMs: wholeNumber(1000, Number.MAX_SAFE_INTEGER),
});

export const serviceOptions: z.ZodType<ServiceOptions> = z.strictObject({
  repository: aRepository,
  queue: aQueue,
  mode: oneOf('fill', 'overwrite').optional(),
  missing: definitionFields.missing,
  maxFailures: definitionFields.maxFailures,
  shards: definitionFields.shards,
  ...tuningFields,
  config: expecting<Pick<BackfillConfig, 'enabled'>>('what loadBackfillConfig returns', isConfig).optional(),
  transactional: trueOrFalse.optional(),
});

export const callOptions: z.ZodType<CallOptions> = z.strictObject(callFields);

export function listPageOptions(name: ListName, runId: string): z.ZodType<ListPageOptions> {
  return z.strictObject({
    after: expecting<string>(
      `the next of an earlier page of the ${name} of run ${runId}, or nothing for the first page`,
      (value) => typeof value === 'string' && placeIn(name, runId, value) !== null,
    ).nullish(),
    limit: wholeNumber(1, 10_000).optional(),
  });
}

export const requesterOptions: z.ZodType<RequesterOptions> = z.strictObject(requesterFields);

export const runListFilter: z.ZodType<RunListFilter> = z.strictObject({
  processModelId: nonBlank.optional(),
  active: trueOrFalse.optional(),
  before: nonBlank.optional(),
  limit: wholeNumber(1, 1000).optional(),
});

const isRunId = (value: unknown): boolean => typeof value === 'string' && /^[A-Za-z0-9-]{1,100}$/.test(value);

const aRunId: z.ZodType<string> = expecting('the id of a run', isRunId);

export const runIdOnly: z.ZodType<{ runId: string }> = z.strictObject({
  runId: aRunId,
});

export const processModelOnly: z.ZodType<{ processModelId: string }> = z.strictObject({
  processModelId: nonBlank,
});

/** A job comes from outside: from a queue that others may write to. */
export const jobPayload: z.ZodType<JobPayload> = z.strictObject({
  runId: aRunId,
  shard: wholeNumber(0, Number.MAX_SAFE_INTEGER),
  step: wholeNumber(0, Number.MAX_SAFE_INTEGER),
});

function isConfig(value: unknown): boolean {
  return typeof Object(value).enabled === 'boolean';
}
