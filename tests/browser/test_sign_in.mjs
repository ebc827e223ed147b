// Signing in: the token is asked for once, kept for the tab, and nowhere else.
import assert from "node:assert/strict";
import { test } from "node:test";

import { inBrowser, screenshot, signIn, signedIn } from "./support/browser.mjs";
import { operate, until } from "./support/player.mjs";
import { ADMIN, TOKEN } from "./support/settings.mjs";

test("asks_for_the_token_once_and_keeps_it_for_this_tab_alone", inBrowser(async (page, context) => {
  const addresses = [];
  context.on("request", (request) => addresses.push(request.url()));
  await screenshot(page, "sign-in");
  await signIn(page);
  await page.reload();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  assert.equal(addresses.concat(page.url()).find((address) => address.includes(TOKEN)), undefined);
  assert.deepEqual(await page.evaluate(() => [localStorage.length, document.cookie]), [0, ""]);
  assert.deepEqual(await context.cookies(), []);

  const another = await context.newPage();
  await another.goto(ADMIN);
  await another.getByRole("heading", { name: "Sign in" }).waitFor();
}));

test("says_clearly_that_a_token_is_wrong", inBrowser(async (page) => {
  await signIn(page, "not-the-token");
  await page.getByRole("alert").getByText("This token isn't accepted.").waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await signIn(page);
}));

test("forgets_the_token_at_sign_out", signedIn(async (page) => {
  await page.getByRole("button", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.length), 0);
  await page.reload();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
}));

test("asks_again_where_the_token_is_accepted_no_longer", signedIn(async (page) => {
  await page.evaluate(() => { location.hash = "#/sessions"; });
  await page.evaluate(() => sessionStorage.setItem(sessionStorage.key(0), "another"));
  await page.getByText("The gateway accepts this token no longer.").waitFor();
  await signInAgain(page);
}));

// Who signs in again goes on where it was.
async function signInAgain(page) {
  await page.getByLabel("Admin token").fill(TOKEN);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sessions" }).waitFor();
}

test("says_how_long_to_wait_after_too_many_wrong_tokens", inBrowser(async (page) => {
  const guess = () => fetch(`${ADMIN}/admin/v1/stats`, { headers: { Authorization: "Bearer guess" } });
  const wait = page.getByRole("alert").getByText(/Wait .* then try again/);
  // A guess comes back with every second: the page may be judged, and told that its token is wrong.
  await until("the page is told to wait", async () => {
    await until("guesses are refused unjudged", async () => (await guess()).status === 429);
    await signIn(page, "not-the-token");
    await page.getByRole("alert").getByText(/then try again|isn't accepted/).waitFor();
    return wait.isVisible();
  });
  assert.ok(await page.getByRole("button", { name: "Sign in" }).isDisabled());
  // It may be tried again once the time is over.
  await page.getByRole("button", { name: "Sign in", disabled: false }).waitFor();
  await until("the right token is judged again", async () => (await operate("GET", "stats")).status === 200);
  await signIn(page);
}));
