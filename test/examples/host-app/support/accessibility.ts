import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import type { Page } from 'playwright-core';

const SIZES = [
  { width: 1280, height: 900 },
  { width: 390, height: 844 },
];

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

/** What axe-core and a phone object to in the page, at both widths, in light and in dark colours. */
export async function objectionsTo(page: Page): Promise<string[]> {
  const objections: string[] = [];
  await page.evaluate(await axe());
  for (const size of SIZES)
    for (const colorScheme of ['light', 'dark'] as const) {
      await page.setViewportSize(size);
      await page.emulateMedia({ colorScheme });
      const at = `${new URL(page.url()).pathname}, ${size.width} px, ${colorScheme}:`;
      const violations = await page.evaluate<Violation[]>(
        'axe.run(document).then((found) => found.violations)',
      );
      for (const { id, nodes } of violations)
        objections.push(
          `${at} ${id} ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)[0]}`,
        );
      const wide = await page.evaluate<number>('document.documentElement.scrollWidth');
      if (wide > size.width) objections.push(`${at} is ${wide} px wide`);
    }
  return objections;
}

function axe(): Promise<string> {
  return readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
}
