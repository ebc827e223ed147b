// The live feed: as it happens, narrowed down, held still, and whole over a cut connection.
import assert from "node:assert/strict";
import { test } from "node:test";

import { go, screenshot, signedIn } from "./support/browser.mjs";
import { ask, fresh, stop, watch } from "./support/player.mjs";
import { newRelay } from "./support/relay.mjs";

function events(page) {
  return page.getByRole("list", { name: "Events" }).getByRole("listitem");
}

test("tells_what_happens_as_it_happens_and_what_happened_before", signedIn(async (page) => {
  const family = fresh("family");
  const session = await watch({ family });
  await go(page, `#/live?family=${family}`, "Live feed");
  await events(page).filter({ hasText: "started" }).waitFor();
  await stop(session);
  await events(page).filter({ hasText: "stopped" }).waitFor();
  assert.equal(await events(page).count(), 2);
  assert.match(await events(page).first().textContent(), /^stopped/);
  await screenshot(page, "live");
}));

test("shows_only_what_was_asked_for", signedIn(async (page) => {
  const [user, device] = [fresh("user"), fresh("device")];
  await go(page, "#/live", "Live feed");
  await page.getByLabel("What happened").selectOption("denied");
  await page.getByLabel("User", { exact: true }).fill(user);
  await page.getByRole("button", { name: "Show" }).click();
  await page.getByText("Nothing of this has happened").waitFor();
  for (let times = 0; times < 2; times += 1) await watch({ family: fresh("family"), device, user });
  assert.equal((await ask({ family: fresh("family"), device, user })).status, 409);
  await events(page).filter({ hasText: "denied" }).waitFor();
  assert.equal(await events(page).count(), 1);
}));

test("stands_still_while_paused_and_then_catches_up", signedIn(async (page) => {
  const family = fresh("family");
  await go(page, `#/live?family=${family}`, "Live feed");
  await page.getByText("Live.", { exact: true }).waitFor();
  await page.getByRole("button", { name: "Pause" }).click();
  await watch({ family });
  await page.getByText("Paused: 1 event since.").waitFor();
  assert.equal(await events(page).count(), 0);
  await page.getByRole("button", { name: "Go on" }).click();
  await events(page).waitFor();
}));

test("goes_on_where_it_was_after_the_connection_was_cut", async () => {
  const relay = await newRelay();
  await signedIn(async (page) => {
    const family = fresh("family");
    await go(page, `#/live?family=${family}`, "Live feed");
    const first = await watch({ family });
    await events(page).waitFor();
    relay.refuse(true);
    await page.getByRole("heading", { name: "The gateway doesn't answer." }).waitFor();
    await page.locator("main").getByText("It is tried again, and goes on where it was.").waitFor();
    await screenshot(page, "no-answer");
    const second = await watch({ family });
    relay.refuse(false);
    await events(page).nth(1).waitFor();
    await page.getByRole("heading", { name: "The gateway doesn't answer." }).waitFor({ state: "detached" });
    await stop(first);
    await stop(second);
    await events(page).nth(3).waitFor();
    assert.equal(await events(page).count(), 4);
  }, {}, relay.address)().finally(relay.end);
});
