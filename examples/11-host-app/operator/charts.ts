import { html } from 'hono/html';
import { percent } from './format.js';
import type { Html } from './view.js';

/**
 * A bar of 100 %, divided by colour.
 * @param label names its parts, unless they are named beside it
 */
export function shareBar(rates: readonly number[], label: string): Html {
  let x = 0;
  const rects = rates.map((rate, index) => {
    const rect = html`<rect class="part-${index}" x="${x.toFixed(2)}" y="0" width="${(100 * rate).toFixed(2)}" height="8"></rect>`;
    x += 100 * rate;
    return rect;
  });
  return html`<svg class="bar" viewBox="0 0 100 8" preserveAspectRatio="none" role="img" aria-label="${label}">
    <rect class="track" width="100" height="8"></rect>${rects}</svg>`;
}

/** Ten columns, from the oldest tenth of the instances to the newest. */
export function ageBars(byAge: readonly (number | null)[]): Html {
  const label = `By age, oldest to newest: ${byAge.map((rate) => (rate === null ? 'not sampled' : percent(rate))).join(', ')}`;
  return html`<svg class="age-bars" viewBox="0 0 100 30" preserveAspectRatio="none" role="img" aria-label="${label}">
    ${byAge.map(
      (rate, index) => html`<rect class="track" x="${index * 10 + 1}" y="0" width="8" height="30"></rect>
        <rect class="part-0" x="${index * 10 + 1}" y="${30 - 30 * (rate ?? 0)}" width="8" height="${30 * (rate ?? 0)}"></rect>`,
    )}</svg>`;
}

/** The names of the colours of a bar. */
export function legend(names: readonly string[]): Html {
  return html`<ul class="legend" aria-label="Colours">${names.map(
    (name, index) =>
      html`<li><svg viewBox="0 0 8 8" aria-hidden="true"><rect class="part-${index}" width="8" height="8"></rect></svg>${name}</li>`,
  )}</ul>`;
}
