/** A real browser, as a person has it before him. */
import { existsSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core';

const executablePath = process.env.CHROMIUM ?? '/usr/bin/chromium';

/** Why there is no browser to test with; where CI is set there has to be one. */
export const noBrowser: string | false =
  !existsSync(executablePath) && process.env.CI === undefined && `there is no ${executablePath} on this machine`;

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Starts the browser. */
export function launchBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath, args, headless: true });
}

/** A page, with all that it asked for and all that went wrong in it. */
export interface OpenPage {
  readonly page: Page;
  /** The hosts that were asked for anything. */
  readonly hosts: ReadonlySet<string>;
  /** Exceptions, and what the page's security policy refused. */
  readonly errors: readonly string[];
}

/** Opens a page of the service in a fresh profile; it is closed with its test. */
export async function openPage(
  test: TestContext,
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<OpenPage> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 820 }, ...options });
  test.after(() => context.close());
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const hosts = new Set<string>();
  const errors: string[] = [];
  page.on('request', (request) => hosts.add(new URL(request.url()).host));
  page.on('pageerror', (error) => errors.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/i.test(message.text())) errors.push(message.text());
  });
  await page.goto(url);
  return { page, hosts, errors };
}
