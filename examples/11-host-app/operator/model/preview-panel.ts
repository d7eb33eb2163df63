import { html } from 'hono/html';
import { describeDiff, type KeyPreview, type ServicePreview } from 'process-metadata-backfill';
import { ageBars, shareBar } from '../charts.js';
import { count, counted, duration, pathText, percent, share, shortened, valueText } from '../format.js';
import { table } from '../table.js';
import type { Html } from '../view.js';
import { editButton } from './editor.js';
import type { PathForm } from './path-form.js';

/** What saving the form would do, and what a sample of the instances says about it. */
export function previewPanel(
  preview: ServicePreview,
  form: PathForm,
  { editAction }: { readonly editAction: string },
): Html {
  const { diff, keys, total, sampled } = preview;
  const index = (key: string) => form.rows.findIndex((row) => row.key === key);
  return html`
    <h2>What saving does</h2>
    <ul class="plain">${diff && describeDiff(diff).map((sentence) => html`<li>${sentence}</li>`)}</ul>
    ${questions(preview, form)}
    <p class="summary" role="status">${consequence(preview, form)}</p>
    ${
      Object.keys(keys).length > 0 &&
      html`<p class="quiet">${
        sampled === total
          ? `All ${counted(total, 'instance')} were looked at.`
          : `${count(sampled)} of ${counted(total, 'instance')} were looked at. Ranges are 95 % intervals.`
      }</p>`
    }
    <div class="cards">${Object.entries(keys).map(([key, one]) => keyCard(key, one, { index: index(key), editAction }))}</div>
    ${
      preview.warnings.length > 0 &&
      html`<h2>What to check</h2>${preview.warnings.map((warning) => html`<p class="notice">${warning}</p>`)}`
    }`;
}

function keyCard(
  key: string,
  preview: KeyPreview,
  { index, editAction }: { readonly index: number; readonly editAction: string },
): Html {
  const { found, types, byAge, samples, didYouMean } = preview;
  const typeNames = Object.entries(types).sort(([, a], [, b]) => b - a);
  return html`<section class="card" aria-label="Preview of ${key}">
    <h3>${key} <code>${pathText(preview.path)}</code></h3>
    <p>Found in <strong>${share(found)}</strong> of the instances.
      ${preview.failed.count > 0 && html`Not readable in ${share(preview.failed)}.`}</p>
    ${shareBar(
      [found.rate, preview.null.rate, preview.missing.rate, preview.failed.rate],
      `Found in ${percent(found.rate)}`,
    )}
    ${
      didYouMean.length > 0 &&
      html`<div class="suggestions"><p>Did you mean</p>
        ${didYouMean.map(
          (
            suggestion,
          ) => html`<p><button class="small" ${editButton(editAction, `use:${index}:${pathText(suggestion.path)}`)}>${pathText(suggestion.path)}</button>
            <span class="quiet">found in ${percent(suggestion.found)}, such as
            <code>${shortened(valueText(suggestion.sample), 40)}</code></span></p>`,
        )}</div>`
    }
    ${typeNames.length > 0 && html`<p>Types: ${typeNames.map(([type, n]) => `${type} ${count(n)}`).join(', ')}</p>`}
    ${
      found.count > 0 &&
      html`<div class="ages"><p class="quiet" id="age-${index}">Found by age, from the oldest tenth to the newest</p>${ageBars(byAge)}</div>`
    }
    ${preview.truncated > 0 && html`<p>${counted(preview.truncated, 'value is', 'values are')} cut to fit.</p>`}
    ${preview.orphaned.count > 0 && html`<p>In ${share(preview.orphaned)}, a value is stored although the path finds none.</p>`}
    ${table({
      label: `Sample values of ${key}`,
      caption: 'Sample values',
      columns: ['Instance', 'Stored now', 'The path gives'],
      rows: samples.map(({ instanceId, before, after }) => [
        String(instanceId),
        sampleValue(before),
        sampleValue(after),
      ]),
    })}
  </section>`;
}

function sampleValue(value: unknown): Html {
  if (value === null) return html`<span class="quiet">nothing</span>`;
  return html`<span class="value">${shortened(valueText(value), 60)}</span>`;
}

/** The questions about removed and changed keys. They have no answer until somebody gives one. */
function questions({ diff }: ServicePreview, { removed, changed }: PathForm): Html {
  const names = (keys: readonly string[]) => keys.map((key) => `“${shortened(key, 60)}”`).join(', ');
  const radio = (name: string, value: string, text: string, is: boolean) =>
    html`<label class="choice"><input type="radio" name="${name}" value="${value}" id="${name}-${value}" required
      ${is ? 'checked' : ''} /> ${text}</label>`;
  return html`
    ${
      diff &&
      diff.removed.length > 0 &&
      html`<fieldset class="question"><legend>What happens to the stored values of ${names(diff.removed.map(({ key }) => key))}?</legend>
        ${
          diff.possibleRenames.length > 0 &&
          html`<p class="quiet">After a rename, the new key is filled from the task data. So you can purge the values under the old name.</p>`
        }
        ${radio('removed', 'keep', 'Keep them', removed === 'keep')}
        ${radio('removed', 'purge', 'Purge them: a run deletes them', removed === 'purge')}</fieldset>`
    }
    ${
      diff &&
      diff.changed.length > 0 &&
      html`<fieldset class="question"><legend>What happens to the stored values of ${names(diff.changed.map(({ key }) => key))}?</legend>
        ${radio('changed', 'keep', 'Keep them: only instances that are saved from now on read the new path', changed === 'keep')}
        ${radio('changed', 'recompute', 'Recompute them: a run reads the new path in all instances', changed === 'recompute')}</fieldset>`
    }`;
}

function range(low: number, high: number): string {
  const [from, to] = [duration(low), duration(high)];
  return from === to ? `about ${from}` : `${from} to ${to}`;
}

/** Which run a save starts, how many values it writes, and how long it takes. The preview must have the answer of the form about changed keys. */
export function consequence({ diff, keys, total, projected }: ServicePreview, form: PathForm): string {
  if (diff === null) return '';
  const filled = diff.added.map(({ key }) => key);
  const again = form.changed === 'recompute' ? diff.changed.map(({ key }) => key) : [];
  const purged = form.removed === 'purge' ? diff.removed.length : 0;
  if (filled.length + again.length + purged === 0) return 'Saving starts no run.';
  const rate = (key: string, isAgain: boolean) =>
    (keys[key]?.wouldFill.rate ?? 0) + (isAgain ? (keys[key]?.wouldReplace.rate ?? 0) : 0);
  const values =
    filled.reduce((sum, key) => sum + rate(key, false) * total, 0) +
    again.reduce((sum, key) => sum + rate(key, true) * total, 0);
  const [low, high] = projected.ms;
  const what = [
    ...(filled.length > 0 ? [`fills ${counted(filled.length, 'key')}`] : []),
    ...(again.length > 0 ? [`recomputes ${counted(again.length, 'key')}`] : []),
    ...(purged > 0 ? [`deletes the values of ${counted(purged, 'key')}`] : []),
  ];
  const time = filled.length + again.length > 0 ? `, in ${range(low, high)}` : '';
  const rows = filled.length + again.length > 0 ? ` It writes about ${counted(values, 'value')}${time}.` : '';
  return `Saving starts a run over ${counted(total, 'instance')}: it ${what.join(', ')}.${rows}`;
}
