// Looking: who watches, who was refused and why, found by whatever name is known.
import assert from "node:assert/strict";
import { test } from "node:test";

import { find, go, rowOf, screenshot, signedIn } from "./support/browser.mjs";
import { ask, fresh, stop, watch } from "./support/player.mjs";

test("shows_a_session_without_a_reload_as_soon_as_a_player_has_created_it", signedIn(async (page) => {
  const family = fresh("family");
  await go(page, `#/sessions?family=${family}`, "Sessions");
  await page.getByText("No stream matches.").waitFor();
  const session = await watch({ family, mediaTitle: "Blue Planet", deviceName: "Kitchen TV" });
  await rowOf(page, "Blue Planet").getByRole("link", { name: "Kitchen TV" }).waitFor();
  await stop(session);
  await page.getByText("No stream matches.").waitFor();
}));

test("the_overview_counts_and_tells_what_happens", signedIn(async (page) => {
  const family = fresh("family");
  const tile = page.locator(".tile", { hasText: "Active sessions" }).locator("dd").first();
  await page.waitForFunction((element) => /^\d/.test(element.textContent), await tile.elementHandle());
  await watch({ family, device: "tv" });
  await page.getByRole("list", { name: "Latest events" }).getByRole("link", { name: family }).first().waitFor();
  await watch({ family, device: "tv" });
  assert.equal((await ask({ family, device: "tv" })).status, 409);
  await page.getByRole("row", { name: /Device limit/ }).waitFor();
  await page.getByRole("img", { name: /active sessions?, between .* denial/ }).waitFor();
  await screenshot(page, "overview");
}));

test("finds_a_family_a_device_a_user_a_title_and_a_session_by_its_name", signedIn(async (page) => {
  const [family, device, user, media] = [fresh("family"), fresh("device"), fresh("user"), fresh("media")];
  const { sessionId } = await watch({ family, device, user, media });
  for (const [name, heading] of [[family, `Family ${family}`], [device, `Device ${device}`], [user, `User ${user}`],
    [sessionId, `Session ${sessionId}`], [media, "Sessions"]]) {
    await find(page, name);
    await page.getByRole("heading", { level: 1, name: heading }).waitFor();
    await page.getByRole("link", { name: family }).first().or(page.getByRole("link", { name: user }).first()).first().waitFor();
  }
  assert.match(page.url(), new RegExp(`media=${media}`));
}));

test("lists_all_that_go_by_one_name_and_says_where_to_look_for_none", signedIn(async (page) => {
  const name = fresh("name");
  await watch({ family: name, user: name });
  await find(page, name);
  await page.getByRole("link", { name: `User ${name}` }).waitFor();
  await page.getByRole("link", { name: `Family ${name}` }).click();
  await page.getByRole("heading", { name: `Family ${name}` }).waitFor();
  const nobody = fresh("nobody");
  await find(page, nobody);
  await page.getByText("Nothing is known by this name.").waitFor();
  await page.getByRole("link", { name: "events of this user" }).click();
  await page.getByRole("heading", { name: `User ${nobody}` }).waitFor();
}));

test("tells_on_the_family_s_page_why_a_viewer_was_refused_and_what_helps", signedIn(async (page) => {
  const family = fresh("family");
  const device = `tv of ${family}`;
  for (const media of ["a", "b"]) await watch({ family, device, media });
  assert.equal((await ask({ family, device, user: "bob", media: "c" })).body.code, "device_limit");
  await find(page, family);
  const box = page.locator(".callout", { hasText: "Last refusal" });
  await box.getByText("bob was refused c").waitFor();
  assert.match(await box.textContent(), /the device already had as many streams as it may \(device_limit\)/);
  assert.match(await box.textContent(), /End one of the device's streams, or raise the device limit/);
  await screenshot(page, "family");
  await box.getByRole("link", { name: "bob" }).click();
  await page.locator(".callout", { hasText: "Last refusal" }).getByText("was refused c").waitFor();
  await page.getByText("No stream runs.").waitFor();
}));

test("turns_pages_and_comes_back", signedIn(async (page) => {
  const media = fresh("media");
  const families = Array.from({ length: 60 }, () => fresh("family"));
  await Promise.all(families.map((family) => watch({ family, media })));
  await go(page, `#/sessions?media=${media}`, "Sessions");
  const seen = new Set();
  const collect = async () => {
    for (const name of await page.getByRole("row").locator("[data-column=family]").allTextContents()) seen.add(name);
  };
  await page.getByText("50 streams on page 1.").waitFor();
  await collect();
  await page.getByRole("button", { name: "Next page" }).click();
  await page.getByText(/streams on page 2\./).waitFor();
  await collect();
  for (let number = 3; await page.getByRole("button", { name: "Next page" }).isEnabled(); number += 1) {
    await page.getByRole("button", { name: "Next page" }).click();
    await page.getByText(`on page ${number}.`).waitFor();
    await collect();
  }
  assert.deepEqual([...seen].sort(), families.sort());
  await page.getByRole("button", { name: "Previous page" }).click();
  await page.getByText(/on page 1\./).waitFor();
}));

test("names_that_strangers_chose_stay_text", signedIn(async (page) => {
  const family = `${fresh("f")}/<img src=x onerror=alert(1)>&"'`;
  const names = { family, user: "<b>user</b>", device: `<svg/onload=alert(1)>${family}`, media: "javascript:alert(1)",
    mediaTitle: "<script>alert(1)</script>", deviceName: "‹/td›<i>", metadata: { a: "<img src=x>" } };
  page.on("dialog", () => assert.fail("a stranger's name became a script"));
  const { sessionId } = await watch(names);
  await find(page, family);
  await page.getByRole("heading", { name: `Family ${family}` }).waitFor();
  const row = rowOf(page, "<script>alert(1)</script>");
  await row.getByRole("link", { name: "<b>user</b>" }).waitFor();
  await row.getByRole("link", { name: names.mediaTitle }).click();
  await page.getByRole("heading", { name: `Session ${sessionId}` }).waitFor();
  await page.getByText('"a": "<img src=x>"').waitFor();
  await page.getByRole("link", { name: family, exact: true }).click();
  await page.getByRole("heading", { name: `Family ${family}` }).waitFor();
  assert.equal(await page.locator("main :is(img, script, b, i)").count(), 0);
}));
