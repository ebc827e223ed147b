// Acting: ending streams, blocks, limits, draining; and what players see of it.
import assert from "node:assert/strict";
import { test } from "node:test";

import { find, go, rowOf, screenshot, signedIn } from "./support/browser.mjs";
import { ask, authorize, fresh, heartbeat, operate, until, watch } from "./support/player.mjs";

test("ends_a_stream_and_its_player_is_refused_and_told_why", signedIn(async (page) => {
  const family = fresh("family");
  const session = await watch({ family, mediaTitle: "Blue Planet" });
  const other = await watch({ family, mediaTitle: "Planet Earth" });
  assert.equal(await authorize(session), "200");
  await find(page, family);
  await rowOf(page, "Blue Planet").getByRole("button", { name: "End Blue Planet" }).click();
  const dialog = page.getByRole("dialog", { name: "End this stream?" });
  await dialog.getByLabel("Reason").fill("complaint & 100% sure + more");
  await dialog.getByLabel("Message to the viewer").fill("Please call us.");
  await screenshot(page, "end-a-stream");
  await dialog.getByRole("button", { name: "End the stream" }).click();
  await page.getByRole("status").getByText("“Blue Planet”").waitFor();
  await rowOf(page, "Blue Planet").waitFor({ state: "detached" });
  assert.equal(await authorize(session), "403 terminated");
  const { status, body } = await heartbeat(session);
  assert.deepEqual([status, body.reason, body.message], [410, "terminated", "Please call us."]);
  assert.equal(await authorize(other), "200");
  await page.getByText("by operator tester after").getByText("complaint & 100% sure + more").waitFor();
}));

test("leaves_a_stream_alone_where_the_question_is_answered_with_no", signedIn(async (page) => {
  const family = fresh("family");
  const session = await watch({ family });
  for (const answer of [() => page.getByRole("button", { name: "Cancel" }).click(), () => page.keyboard.press("Escape")]) {
    await go(page, `#/session/${session.sessionId}`, "Session");
    await page.getByRole("button", { name: "End this stream" }).click();
    await page.getByRole("dialog").waitFor();
    await answer();
    await page.getByRole("dialog").waitFor({ state: "detached" });
    assert.equal(await authorize(session), "200");
    await go(page, "#/overview", "Overview");
  }
}));

test("ends_one_stream_on_its_own_page_which_says_so", signedIn(async (page) => {
  const session = await watch({ family: fresh("family") });
  await find(page, session.sessionId);
  await page.getByRole("button", { name: "End this stream" }).click();
  await page.getByRole("button", { name: "End the stream" }).click();
  await page.getByText("This stream has ended: ended by an operator.").waitFor();
  assert.equal(await authorize(session), "403 terminated");
}));

test("ends_all_of_a_family_and_blocks_it_until_the_block_is_lifted", signedIn(async (page) => {
  const family = fresh("family");
  const sessions = [await watch({ family }), await watch({ family, device: fresh("device") })];
  await find(page, family);
  await page.getByText("2 of 10 streams").waitFor();
  await page.getByRole("button", { name: "End all streams" }).click();
  await page.getByLabel("New streams").selectOption({ label: "are refused for an hour" });
  await page.getByLabel("Message to the viewer").fill("Your account is on hold.");
  await page.getByRole("button", { name: "End 2 streams" }).click();
  await page.getByText("Blocked: new streams are refused").waitFor();
  for (const session of sessions) assert.equal(await authorize(session), "403 terminated");
  const refused = await ask({ family });
  assert.deepEqual([refused.status, refused.body.code, refused.body.detail], [403, "forbidden", "Your account is on hold."]);
  await page.getByText("an operator blocked the family or the device").first().waitFor();
  await screenshot(page, "blocked");

  await page.getByRole("button", { name: "Lift the block" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Lift the block" }).click();
  await page.getByText("Blocked: new streams are refused").waitFor({ state: "detached" });
  await watch({ family });
}));

test("ends_all_on_a_device", signedIn(async (page) => {
  const device = fresh("device");
  const sessions = [await watch({ family: fresh("family"), device }), await watch({ family: fresh("family"), device })];
  await find(page, device);
  await page.getByText("2 of 2 streams").waitFor();
  await page.getByRole("button", { name: "End all streams" }).click();
  await page.getByRole("button", { name: "End 2 streams" }).click();
  await page.getByText("No stream runs.").waitFor();
  for (const session of sessions) assert.equal(await authorize(session), "403 terminated");
}));

test("changes_a_family_s_limit_so_that_the_next_create_is_refused_and_puts_it_back", signedIn(async (page) => {
  const family = fresh("family");
  await watch({ family });
  await find(page, family);
  await page.getByRole("button", { name: "Change limits" }).click();
  const dialog = page.getByRole("dialog", { name: `Limits of ${family}` });
  await dialog.getByRole("button", { name: "Override the limits" }).click();
  await dialog.getByRole("alert").getByText("Say at least one of the two limits.").waitFor();
  await dialog.getByLabel("Streams of the family").fill("1");
  await dialog.getByLabel("For how long").selectOption({ label: "a day" });
  await screenshot(page, "limits");
  await dialog.getByRole("button", { name: "Override the limits" }).click();
  await page.getByText("1 of 1 stream").waitFor();
  await page.getByText("an operator's override, which ends in").waitFor();
  const refused = await ask({ family, device: fresh("device") });
  assert.deepEqual([refused.status, refused.body.code, refused.body.max], [409, "family_limit", 1]);
  await page.locator(".callout").getByText("the family already had as many streams as it may").waitFor();

  await page.getByRole("button", { name: "Remove the override" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Remove the override" }).click();
  await page.getByText("1 of 10 streams").waitFor();
  await watch({ family, device: fresh("device") });
}));

test("says_in_the_dialog_what_the_gateway_refuses", signedIn(async (page) => {
  const family = fresh("family");
  await find(page, family);
  await go(page, `#/family/${family}`, family);
  await page.getByRole("button", { name: "End all streams" }).click();
  // 128 characters of two bytes each are more than the gateway takes.
  await page.getByLabel("Reason").fill("é".repeat(128));
  await page.getByRole("dialog").getByRole("button", { name: "End all streams" }).click();
  await page.getByRole("dialog").getByRole("alert").getByText("reason: must be 1 to 128 bytes").waitFor();
  await page.keyboard.press("Escape");
}));

test("drains_the_gateway_and_takes_it_back", signedIn(async (page) => {
  await go(page, "#/gateway", "Gateway");
  await page.getByRole("row", { name: "limits.family 10" }).waitFor();
  await page.getByRole("button", { name: "Drain" }).click();
  await page.getByRole("button", { name: "Start draining" }).click();
  await page.getByRole("heading", { name: "This gateway drains" }).waitFor();
  const refused = await ask({ family: fresh("family") });
  assert.deepEqual([refused.status, refused.body.code], [503, "shutting_down"]);
  await screenshot(page, "draining");
  await page.getByRole("button", { name: "Stop draining" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Stop draining" }).click();
  await page.getByRole("heading", { name: "This gateway drains" }).waitFor({ state: "detached" });
  await until("sessions are let in again", async () => (await operate("GET", "stats")).body.draining === false);
  await watch({ family: fresh("family") });
}));
