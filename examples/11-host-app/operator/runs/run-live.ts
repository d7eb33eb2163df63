import { html } from 'hono/html';
import type { RunStatus } from 'process-metadata-backfill';
import { shareBar } from '../charts.js';
import { count, counted, duration, isoTime, pathText, percent, time } from '../format.js';
import type { Html, View } from '../view.js';
import { failuresByCode } from './finding-pages.js';
import {
  isActive,
  progress,
  purpose,
  STATE_WORDS,
  tone,
  VERDICT_WORDS,
  verdictTone,
  visited,
  waitingText,
} from './run-words.js';
import type { LiveRun } from './watch-runs.js';

/** The part of the page of a run that is sent again every second while the run is active, changed or not. */
export function runLive(view: View, { status, actions }: LiveRun, controls: Html): Html {
  const done = progress(status);
  return html`
    <p class="state"><span class="badge ${tone(status.state)}" id="run-state">${STATE_WORDS[status.state]}</span>
      ${isJudged(status) && html` <span class="badge ${verdictTone(status.verdict)}" id="verdict">Verdict: ${VERDICT_WORDS[status.verdict ?? 'unknown']}</span>`}</p>
    <label class="progress">Progress <progress id="progress" max="100" value="${Math.floor(100 * done)}">${percent(done)}</progress>
      <strong>${percent(done)}</strong></label>
    <dl class="facts">
      <div><dt>Visited</dt><dd>${count(visited(status))} of ${count(status.total)}</dd></div>
      <div><dt>${status.dryRun ? 'Would change' : 'Updated'}</dt><dd>${count(status.updated)}</dd></div>
      <div><dt>Failed</dt><dd>${count(status.failed)}</dd></div>
      ${status.gone > 0 && html`<div><dt>Deleted meanwhile</dt><dd>${count(status.gone)}</dd></div>`}
      <div><dt>Rate</dt><dd>${status.ratePerSecond > 0 ? `${count(status.ratePerSecond)} per second` : '–'}</dd></div>
      <div><dt>Time left</dt><dd>${status.etaMs === null ? '–' : duration(status.etaMs)}</dd></div>
      <div><dt>Took</dt><dd>${duration(status.elapsedMs)}</dd></div>
    </dl>
    ${status.waiting !== null && html`<p class="notice" id="waiting">${waitingText(status.waiting)}</p>`}
    ${isStill(status) && html`<p class="notice" id="waiting">Nothing has been committed since ${time(status.lastProgressAt ?? status.createdAt)}. If the worker died, the next sweep passes its work on.</p>`}
    ${status.lastError !== null && html`<p class="notice bad" id="last-error">${status.lastError}</p>`}
    ${status.warnings.map((warning) => html`<p class="notice">${warning}</p>`)}
    ${controls}
    <h2>Keys</h2>
    <div class="cards">${status.paths.map(({ key, path, mode }) => keyProgress(status, { key, path, mode }))}</div>
    ${findings(view, status)}
    <h2>What people did</h2>
    ${
      actions.length === 0
        ? html`<p class="quiet">Nothing is recorded.</p>`
        : html`<ol class="plain log">${actions.map(
            ({ at, who, action, reason }) => html`<li><time datetime="${isoTime(at)}">${time(at)}</time>
              <strong>${who}</strong> ${action}${reason && html`: “${reason}”`}</li>`,
          )}</ol>`
    }`;
}

/** While a verification runs, only 'different' is certain. */
function isJudged({ verdict, state }: RunStatus): boolean {
  return verdict !== null && (verdict !== 'unknown' || !isActive(state));
}

/** The first failures, and where all of them and all differences are. */
function findings(view: View, status: RunStatus): Html {
  const different = Object.values(status.differences ?? {}).reduce(
    (sum, { absent, different, orphaned }) => sum + absent + different + orphaned,
    0,
  );
  return html`
    ${
      different > 0 &&
      html`<h2>Differences</h2><p><a href="${view.at('runs', status.runId, 'differences')}">Show ${counted(different, 'difference')}</a></p>`
    }
    ${
      status.failures.length > 0 &&
      html`<h2>Failures</h2><div class="cards">${failuresByCode(view, status, status.failures)}</div>
      <p><a href="${view.at('runs', status.runId, 'failures')}">Show all failures</a></p>`
    }`;
}

function keyProgress(
  status: RunStatus,
  { key, path, mode }: Pick<RunStatus['paths'][number], 'key' | 'path' | 'mode'>,
): Html {
  const counts = status.keys[key];
  const differences = status.differences?.[key];
  if (counts === undefined) return html``;
  const of = (n: number) => (status.total === 0 ? 0 : n / status.total);
  const empty = counts.null + counts.missing;
  const filled = status.dryRun ? counts.kept : counts.written + counts.kept;
  const parts = differences
    ? [counts.kept, counts.written, empty, counts.failed] // equal, different, empty, failed
    : [filled, counts.null, counts.missing, counts.failed];
  const rest = differences
    ? [
        `${count(differences.absent)} absent`,
        `${count(differences.different)} different`,
        `${count(differences.orphaned)} orphaned`,
      ]
    : [
        `${count(counts.written)} written${counts.replaced > 0 ? `, of which ${count(counts.replaced)} in place of another value` : ''}`,
        ...(counts.kept > 0 ? [`${count(counts.kept)} kept`] : []),
        ...(empty > 0 ? [`${count(empty)} with nothing at the path`] : []),
        ...(counts.cleared > 0 ? [`${count(counts.cleared)} cleared`] : []),
        ...(counts.failed > 0 ? [`${count(counts.failed)} failed`] : []),
      ];
  return html`<section class="card" aria-label="Key ${key}">
    <h3>${key} ${mode === 'remove' ? html`<span class="quiet">is purged</span>` : html`<code>${pathText(path)}</code>`}</h3>
    ${shareBar(parts.map(of), `${key}: ${rest.join(', ')}`)}
    <p class="quiet">${rest.join(' · ')}</p></section>`;
}

/** Whether its worker seems to be dead. */
function isStill({ state, waiting, ratePerSecond, startedAt, lastProgressAt }: RunStatus): boolean {
  return (
    state === 'running' &&
    waiting === null &&
    startedAt !== null &&
    lastProgressAt !== null &&
    ratePerSecond === 0
  );
}

/** The heading of the page. */
export function runTitle(status: RunStatus): Html {
  return html`<h1>${purpose(status)}</h1>
    <p class="lead">Requested by <strong>${status.requestedBy ?? 'somebody unnamed'}</strong>${status.reason && html` (“${status.reason}”)`} on <time datetime="${isoTime(status.createdAt)}">${time(status.createdAt)}</time>,
      for ${counted(status.paths.length, 'key')}. <span class="quiet">Run ${status.runId}</span></p>`;
}
