/** What the browser tests look at. */
import assert from 'node:assert/strict';
import type { Page } from 'playwright-core';

/** The number that a tab of the events shows. */
export async function tabCount(page: Page, name: string): Promise<number> {
  const text = await page.getByRole('tab', { name }).locator('.count').innerText();
  return Number(text.replaceAll(',', ''));
}

/** Waits until a tab of the events shows a number. */
export async function untilTabCount(page: Page, name: string, count: number): Promise<void> {
  await page.getByRole('tab', { name: `${name} ${count.toLocaleString('en-GB')}`, exact: true }).waitFor();
}

/** Waits until the crawl that is looked at is in a state. */
export async function untilState(page: Page, state: string): Promise<void> {
  await page.locator('.bar .state', { hasText: state }).waitFor();
}

/** The offsets of the rows that are drawn, oldest first. */
export async function rowOffsets(page: Page): Promise<number[]> {
  const ids = await page.locator('.row').evaluateAll((rows) => rows.map(({ id }) => id));
  return ids.map((id) => Number(id.replace('event-', ''))).sort((a, b) => a - b);
}

/** Every event of the newest crawl, which is over, as the log has it. */
export async function crawlEvents(url: string): Promise<{ offset: number; type: string }[]> {
  const response = await fetch(`${url}/events?crawl=latest&since=0`);
  assert.equal(response.status, 200);
  const events = [...(await response.text()).matchAll(/^id: \w+-(\d+)\nevent: (.*)$/gm)];
  return events.map(([, offset, type = '']) => ({ offset: Number(offset), type }));
}
