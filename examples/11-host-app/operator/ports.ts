import type { BackfillService, ExtractionPath, RequestResult } from 'process-metadata-backfill';

// What a host gives to these pages. They read and change its data only through here.

export interface OperatorOptions {
  readonly service: OperatedService;
  readonly models: ModelPort;
  readonly instances: InstancePort;
  readonly actions: ActionPort;
  readonly authorize: Authorize;
  /** Where the pages are mounted, such as `/operator`. */
  readonly basePath: string;
  /** Where people reach the host, such as `http://127.0.0.1:3000`. Requests to other names are refused. */
  readonly origins: readonly string[];
}

export type OperatedService = Pick<
  BackfillService,
  | 'request'
  | 'preview'
  | 'status'
  | 'list'
  | 'failures'
  | 'retryFailed'
  | 'verify'
  | 'differences'
  | 'columns'
  | 'pause'
  | 'resume'
  | 'cancel'
>;

/** Somebody who may do what was asked for. */
export interface Operator {
  /** Stored with what they do. */
  readonly name: string;
}

/** `null`: refused. It is asked again for each page and each part of a page. */
export type Authorize = (request: Request, wanted: Wanted) => Operator | null | Promise<Operator | null>;

export interface Wanted {
  /** `look` at anything, `edit` a model, or `control` runs. */
  readonly action: 'look' | 'edit' | 'control';
  readonly processModelId: string;
}

export interface ModelPort {
  list(): Promise<readonly StoredModel[]>;
  find(id: string): Promise<StoredModel | null>;
  /** Stores the paths and sees to the request that follows from them, even if the process dies in between. */
  save(save: ModelSave): Promise<SaveResult>;
}

export interface StoredModel {
  readonly id: string;
  /** Another one after each save. */
  readonly revision: number;
  readonly paths: readonly ExtractionPath[];
}

export interface ModelSave {
  readonly processModelId: string;
  /** The revision that its author has seen. */
  readonly revision: number;
  readonly paths: readonly ExtractionPath[];
  readonly includeChanged: boolean;
  readonly removed: 'keep' | 'purge';
  readonly requestedBy: string;
  readonly reason: string | null;
}

/** `stale`: somebody else has saved in between, and nothing was stored. `request` is null if another process makes it. */
export type SaveResult =
  | { readonly status: 'saved'; readonly request: RequestResult | null }
  | { readonly status: 'stale' };

export interface InstancePort {
  /** Which statuses there are, for the filter. */
  readonly statuses: readonly string[];
  /** Values that are longer than this, written as JSON, are neither sorted nor found by `equal`. */
  readonly maxComparedLength: number;
  /**
   * The next `limit` instances that fit. A page is read by a cursor: it takes no longer for the last page than for the first. It
   * may have fewer rows, or none, and yet a `next`: then it has looked at enough instances for one page.
   */
  page(query: ReportQuery): Promise<ReportPage>;
  /** One instance with its newest task data, or null. */
  find(processModelId: string, instanceId: string): Promise<InstanceDetail | null>;
}

export interface ReportQuery {
  readonly processModelId: string;
  readonly status: string | null;
  readonly filter: ReportFilter | null;
  /** By which key. `null`: by age. Instances without a value of that key that can be compared are left out. */
  readonly sort: string | null;
  readonly descending: boolean;
  /** The `next` of the page before. @throws {BadCursor} if it is none. */
  readonly after: string | null;
  readonly limit: number;
}

export type ReportFilter =
  | { readonly key: string; readonly is: 'equal'; readonly value: string }
  | { readonly key: string; readonly is: 'empty' }
  | { readonly key: string; readonly is: 'filled' };

/** A cursor of a page that the report does not know. */
export class BadCursor extends Error {}

export interface ReportPage {
  readonly rows: readonly ReportRow[];
  readonly next: string | null;
}

export interface ReportRow {
  readonly id: string | number;
  readonly status: string;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  /** Whether it still runs, so a later save may add values. */
  readonly isRunning: boolean;
  readonly hasCompletedTask: boolean;
  /** By key. Without a stored row there is no member. */
  readonly cells: Readonly<Record<string, StoredCell>>;
}

export interface StoredCell {
  readonly value: unknown;
  /** Who has written it: a save of the instance, or a run. */
  readonly source: 'save' | 'backfill';
  readonly writtenAt: number;
}

export interface InstanceDetail extends ReportRow {
  /** The newest task data as text, cut to some thousand characters. `null`: no task has completed. */
  readonly taskData: string | null;
}

/** A log of what people did. */
export interface ActionPort {
  add(action: NewAction): Promise<void>;
  /** The newest 50, newest first. */
  list(runId: string): Promise<readonly RunAction[]>;
}

export interface NewAction {
  readonly runId: string;
  readonly who: string;
  /** Such as `paused`. */
  readonly action: string;
  readonly reason: string | null;
}

export interface RunAction extends NewAction {
  readonly at: number;
}
