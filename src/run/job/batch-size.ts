import type { InstanceSnapshot } from '../../ports/repository.js';
import { createBreather } from '../context/create-breather.js';
import type { RunContext } from '../context/run-context.js';
import type { AdaptiveBatchSize } from '../options/tuning-options.js';
import { sizeInMemory } from './size-in-memory.js';

/** How many instances to read and to commit next, learnt from the pages and batches before. */
export interface BatchSizer {
  /** Instances in the next batch. */
  readonly size: number;
  /**
   * Instances in the next page. It holds about `maxBytes` of task data at most, if its documents are no larger than the
   * largest before. The first batch of a job takes several pages.
   */
  readonly pageSize: number;
  /** The same, whatever the time-outs of commits have shown: for pages that only search. */
  readonly searchSize: number;
  readonly maxBytes: number;
  /** Whether a page of this limit may be far larger than any before, so that nobody knows yet whether it fits. */
  isLeap(limit: number): boolean;
  /** Learns from the snapshots of a page of `instances`, filled ones included. Returns how many bytes of task data they hold. */
  see(snapshots: readonly InstanceSnapshot[], instances?: number): Promise<number>;
  /** A batch with this number of snapshots has been committed. */
  learn(batch: { readonly shown: number; readonly tookMs: number }): void;
}

/** The first page of a job holds one instance. Its pages stay small until it has seen so many documents. */
const FEW_SEEN = 90;
const SMALL_PAGE = 10;
/** Growth per page after that, or where nearly all are filled or have no data. */
const PAGE_GROWTH = 10;
/** The most instances in a page per instance shown so far: few say little about the rest. */
const MOST_PER_SHOWN = 100;
const SPARSE = 10;
const LEAP = 4;

/**
 * @param context.batchSize a fixed size is the upper bound.
 * @param limit the upper bound that this run has learnt from time-outs, or `null`.
 */
export function createBatchSizer(
  context: Pick<RunContext, 'batchSize' | 'maxInstancesPerSecond' | 'runtime'>,
  limit: () => number | null = () => null,
): BatchSizer {
  const { batchSize } = context;
  const { initial, max, targetMs, maxBytes } = boundsOf(batchSize, context.maxInstancesPerSecond);
  const isAdaptive = typeof batchSize !== 'number';
  let size = initial;
  let smoothedMs: number | null = null;
  let seen = 0; // documents
  let allShown = 0;
  let grown = 1;
  let largestPage = 1;
  let isSparse = false;
  let largestBytes = 1;

  const sizeNow = (): number => atLeastOne(Math.min(size, limit() ?? size));

  return {
    maxBytes,
    get size() {
      return sizeNow();
    },
    get pageSize() {
      return atLeastOne(Math.min(sizeNow(), grown, maxBytes / largestBytes));
    },
    get searchSize() {
      return atLeastOne(Math.min(size, grown, maxBytes / largestBytes));
    },
    isLeap(limit) {
      return limit > SMALL_PAGE && (seen < FEW_SEEN || (!isSparse && limit > LEAP * largestPage));
    },
    async see(snapshots, instances = snapshots.length) {
      const sizes: number[] = [];
      const breathe = createBreather(context);
      for (const snapshot of snapshots) {
        sizes.push(sizeInMemory(snapshot));
        const turn = breathe();
        if (turn !== null) await turn;
      }
      const documents = snapshots.filter(({ data }) => data.form !== 'none').length;
      seen += documents;
      allShown += snapshots.length;
      largestPage = Math.max(largestPage, sizes.length);
      isSparse = instances >= SPARSE * documents;
      const most = seen >= FEW_SEEN || isSparse ? PAGE_GROWTH * grown : SMALL_PAGE;
      grown = atLeastOne(Math.min(most, MOST_PER_SHOWN * allShown));
      // It falls slowly: after one page of short documents, the next page may be large again.
      if (sizes.length > 0) largestBytes = Math.max(FORGETTING * largestBytes, ...sizes);
      return sizes.reduce((sum, each) => sum + each, 0);
    },
    learn({ shown, tookMs }) {
      if (!isAdaptive) return;
      // A smaller batch says nothing about larger ones, unless it took too long. That may be due to what its page
      // skipped: a full batch is not expected to take longer.
      if (shown === 0 || (shown < size && tookMs <= targetMs)) return;
      const msEach = tookMs / Math.max(shown, size);
      const isFarOver = tookMs > FAR_OVER * targetMs;
      smoothedMs = smoothedMs === null || isFarOver ? msEach : smoothedMs + SMOOTHING * (msEach - smoothedMs);
      const most = shown < size ? size : Math.max(size + 1, size * MOST_GROWTH);
      size = atLeastOne(Math.min(max, most, targetMs / smoothedMs));
    },
  };
}

const MAX_BYTES = 2 ** 24;

function boundsOf(
  batchSize: number | AdaptiveBatchSize,
  limit: number | null,
): {
  readonly [Name in keyof AdaptiveBatchSize]-?: number;
} {
  if (typeof batchSize === 'number')
    return { initial: batchSize, max: batchSize, targetMs: Number.POSITIVE_INFINITY, maxBytes: MAX_BYTES };
  const { targetMs = 1_000, maxBytes = MAX_BYTES } = batchSize;
  const initial = batchSize.initial ?? Math.min(100, batchSize.max ?? 100);
  const max = batchSize.max ?? Math.max(2_000, initial);
  // With a limit per second, a large batch would be followed by a long wait.
  const paced = limit === null ? max : atLeastOne((limit * targetMs) / 1_000);
  return { initial: Math.min(initial, paced), max: Math.min(max, paced), targetMs, maxBytes };
}

function atLeastOne(size: number): number {
  return Math.max(1, Math.floor(size));
}

const MOST_GROWTH = 1.5;
const FAR_OVER = 2;
const SMOOTHING = 0.3;
const FORGETTING = 0.9;
