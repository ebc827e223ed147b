// Chromium, and a console in it. Every test has a browser context of its own, as if it were another person's; what a
// page complains about in its console (a script's error, something that its policy forbids) fails the test.
import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { after } from "node:test";

import { ADMIN, FOLDER, STORE, TOKEN, WORK, require } from "./settings.mjs";

const { chromium } = require("playwright-core");
const axe = require("axe-core");
const PATIENCE_MS = 30000;

const browser = await chromium.launch({
  executablePath: "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"], // --no-sandbox: as root there is none
  env: { ...process.env, HOME: WORK },
});
after(() => browser.close());

// A refusal that the page handles is an error to the browser all the same.
const EXPECTED = /^Failed to load resource: .*(40[0139]|410|429|503|ERR_)/;

/** Runs a test with a page at the console, not signed in: work(page, context). */
export function inBrowser(work, options = {}, address = ADMIN) {
  return async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, ...options });
    const complaints = [];
    context.setDefaultTimeout(PATIENCE_MS);
    context.on("console", (message) => {
      if (["error", "warning"].includes(message.type()) && !EXPECTED.test(message.text())) complaints.push(message.text());
    });
    context.on("weberror", (error) => complaints.push(String(error.error().stack)));
    try {
      const page = await context.newPage();
      await page.goto(address);
      await work(page, context);
      assert.deepEqual(complaints, [], "the page complains");
    } finally {
      await context.close();
    }
  };
}

/** The same, signed in. */
export function signedIn(work, options, address) {
  return inBrowser(async (page, context) => {
    await signIn(page);
    await work(page, context);
  }, options, address);
}

export async function signIn(page, token = TOKEN) {
  await page.getByLabel("Admin token").fill(token);
  await page.getByRole("button", { name: "Sign in" }).click();
  if (token === TOKEN) await page.getByRole("heading", { name: "Overview" }).waitFor();
}

/** Goes to a view by its address, as a bookmark does. */
export async function go(page, hash, heading) {
  await page.evaluate((where) => { location.hash = where; }, hash);
  await page.getByRole("heading", { level: 1, name: heading }).waitFor();
}

/** Looks for a name by the search at the head of the page. */
export async function find(page, name) {
  await page.getByRole("searchbox", { name: /^Find/ }).fill(name);
  await page.keyboard.press("Enter");
}

/** The row of a stream. */
export function rowOf(page, text) {
  return page.getByRole("row").filter({ hasText: text });
}

/** A picture of the page, for people to look at. */
export async function screenshot(page, name) {
  const folder = `${FOLDER}/screenshots/${STORE}`;
  mkdirSync(folder, { recursive: true });
  await page.screenshot({ path: `${folder}/${name}.png` });
}

/** What axe finds on the page that is serious or worse, one line each. */
export async function findings(page) {
  // By the developer tools' way, which the page's policy doesn't bind.
  await page.evaluate(axe.source);
  const { passes, violations } = await page.evaluate(() => window.axe.run());
  assert.ok(passes.length > 5, "axe has looked at little");
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
}

/** How many px the page is wider than the window. */
export function overflow(page) {
  return page.evaluate(() => Math.max(0, document.documentElement.scrollWidth - innerWidth));
}
