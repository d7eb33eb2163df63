export {
  BackfillError,
  type BackfillErrorCode,
  type ErrorByCode,
  InvalidExtractionPathsError,
  InvalidInputError,
  isBackfillError,
  MetadataValueError,
  PortError,
  RepositoryContractError,
  RunError,
  type SafePoint,
} from './errors.js';
export { compileJsonReader, type JsonReader } from './extraction/compile-json-reader.js';
export {
  type ChangedPath,
  diffExtractionPaths,
  type ExtractionPathDiff,
  type PossibleRename,
  type UnusablePath,
} from './extraction/diff-extraction-paths.js';
export {
  compileExtractor,
  extractMetadata,
  type Metadata,
} from './extraction/extract-metadata.js';
export type { ExtractionPath, KeyLimit } from './extraction/extraction-path.js';
export {
  type FormatOptions,
  type FormattedValue,
  formatMetadataValue,
} from './extraction/format-metadata-value.js';
export type { ExtractionOptions, JsonValue } from './extraction/json-value.js';
export { parseJson } from './extraction/parse-json.js';
export { describeDiff } from './look/describe-diff.js';
export type { KeyPreview, PreviewSample } from './look/key-preview.js';
export { previewBackfill } from './look/preview-backfill.js';
export type { PreviewOptions, SampleOptions } from './look/preview-options.js';
export type { BackfillPreview, ProjectedRun } from './look/preview-paths.js';
export type { Share } from './look/share.js';
export type { PathSuggestion } from './look/suggest-paths.js';
export { type BackfillVerification, verifyBackfill } from './look/verify-backfill.js';
export type { VerifiedDefinition, VerifyOptions } from './look/verify-options.js';
export type { BackfillLogger, LogFields, StructuredLogger } from './ports/logger.js';
export type { BackfillJob, BackfillQueue, JobHandler, JobPayload } from './ports/queue.js';
export type {
  BackfillMode,
  BackfillRepository,
  CommitResult,
  Cursor,
  ErrorClass,
  FilledInstances,
  InstanceId,
  InstanceRange,
  InstanceSelection,
  InstanceSnapshot,
  InstanceSurvey,
  InstanceWrites,
  InTransaction,
  MetadataWrite,
  PageEntry,
  PagePath,
  PageQuery,
  RepositoryCommit,
  RunFilter,
  RunRecord,
  SettledAnswer,
  SplitQuery,
  StoredValue,
  SurveyQuery,
  TaskData,
  WriteOutcome,
} from './ports/repository.js';
export type { Runtime } from './ports/runtime.js';
export type { Throttle, ThrottleAnswer } from './ports/throttle.js';
export { RUN_CHANNEL } from './run/context/run-channel.js';
export type {
  BackfillOptions,
  CallOptions,
  NewRunOptions,
  StoredRunOptions,
} from './run/options/backfill-options.js';
export type { RequesterOptions } from './run/options/requester-options.js';
export type { AdaptiveBatchSize, RetryOptions } from './run/options/tuning-options.js';
export type { DifferenceCode, DifferenceCounts, InstanceDifference } from './run/record/difference-counts.js';
export type { ColumnCoverage, MetadataColumn } from './run/record/metadata-column.js';
export type { KeyVerification } from './run/record/owner-record.js';
export type { BackfillProgress, RunPace } from './run/record/progress.js';
export type {
  BackfillReport,
  ReportState,
  RunPath,
  RunStatus,
  RunSummary,
} from './run/record/report.js';
export type { RunChangeMessage } from './run/record/run-change-message.js';
export type { Requester, RunControl } from './run/record/run-record.js';
export type { RunState } from './run/record/run-state.js';
export type { FailureCode, InstanceFailure, KeyCounts } from './run/record/tally.js';
export type { Verdict } from './run/record/verdict.js';
export { runBackfill } from './run/run-backfill.js';
export type { RequestResult, SkippedRequest, TriggeredRequest } from './service/answer-request.js';
export type {
  BackfillRequest,
  ManualRequest,
  ModelUpdate,
} from './service/backfill-request.js';
export {
  type BackfillService,
  createBackfillService,
  type DifferencesPage,
  type FailuresPage,
} from './service/create-backfill-service.js';
export {
  type BackfillConfig,
  loadBackfillConfig,
} from './service/load-backfill-config.js';
export type {
  PathsPreview,
  PreviewRequest,
  ServicePreview,
  UpdatePreview,
} from './service/preview-request.js';
export type { RetryResult } from './service/retry-failed.js';
export type {
  ListPageOptions,
  RunListFilter,
  ServiceOptions,
  SweepOptions,
} from './service/service-options.js';
export type { SweepReport } from './service/sweep-runs.js';
export type { VerifyRequest } from './service/verify-request.js';
export { all } from './throttles/all.js';
export { type OffPeakOptions, offPeak, type Weekday } from './throttles/off-peak.js';
