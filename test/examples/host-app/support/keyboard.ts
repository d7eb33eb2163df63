import type { Page } from 'playwright-core';
import { expect } from 'vitest';

const FOCUSED = `(() => {
  const element = document.activeElement;
  const { outlineStyle, boxShadow } = getComputedStyle(element);
  const name = element.getAttribute('aria-label') ?? element.labels?.[0]?.querySelector('.field-name')?.innerText
    ?? element.labels?.[0]?.innerText ?? element.innerText ?? '';
  return { name: name.trim(), isVisible: outlineStyle !== 'none' || boxShadow !== 'none' };
})()`;

interface Focused {
  readonly name: string;
  /** Whether a person sees where the focus is. */
  readonly isVisible: boolean;
}

/** Presses Tab until the focus is on what has that name. A page has fewer stops than this gives up after. */
export async function tabTo(page: Page, name: string | RegExp): Promise<void> {
  const passed: string[] = [];
  for (let press = 0; press < 80; press += 1) {
    await page.keyboard.press('Tab');
    const focused = await page.evaluate<Focused>(FOCUSED);
    passed.push(focused.name);
    if (typeof name === 'string' ? focused.name !== name : !name.test(focused.name)) continue;
    expect(focused).toEqual({ name: focused.name, isVisible: true });
    return;
  }
  throw new Error(`Tab came to no ${name}, but to ${passed.join(', ')}`);
}

export function focusedName(page: Page): Promise<string> {
  return page.evaluate<Focused>(FOCUSED).then(({ name }) => name);
}
