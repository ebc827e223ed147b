// For everybody: by keyboard alone, on a phone, in light and dark, with a screen reader.
import assert from "node:assert/strict";
import { test } from "node:test";

import { findings, go, inBrowser, overflow, rowOf, screenshot, signedIn } from "./support/browser.mjs";
import { ask, authorize, fresh, watch } from "./support/player.mjs";
import { TOKEN } from "./support/settings.mjs";

function views({ family, device, user, sessionId }) {
  return [
    ["overview", "#/overview", "Overview"],
    ["sessions", `#/sessions?family=${family}`, "Sessions"],
    ["no-sessions", "#/sessions?user=nobody", "Sessions"],
    ["family", `#/family/${family}`, "Family"],
    ["device", `#/device/${device}`, "Device"],
    ["user", `#/user/${user}`, "User"],
    ["session", `#/session/${sessionId}`, "Session"],
    ["live", `#/live?family=${family}`, "Live feed"],
    ["found-nothing", "#/find/nobody-by-this-name", "Found for"],
    ["gateway", "#/gateway", "Gateway"],
  ];
}

/** Looks at every view, names as long as they may be: nothing serious for axe, nothing wider than the window. */
function looksAtAll(name, options) {
  return inBrowser(async (page) => {
    const wrong = [];
    const look = async (view) => {
      wrong.push(...(await findings(page)).map((finding) => `${view}: ${finding}`));
      if (await overflow(page) > 0) wrong.push(`${view}: ${await overflow(page)} px too wide`);
      await screenshot(page, `${name}-${view}`);
    };
    await look("sign-in");
    await page.getByLabel("Admin token").fill(TOKEN);
    await page.keyboard.press("Enter");
    await page.getByRole("heading", { name: "Overview" }).waitFor();
    const user = fresh("user");
    const family = fresh("a-family-with-a-long-name").padEnd(128, "x");
    const device = fresh("device").padEnd(128, "y");
    const texts = { mediaTitle: "A title that is rather long, as titles are ".repeat(2), deviceName: "Kitchen TV", platform: "webOS 23" };
    const { sessionId } = await watch({ family, device, user, ...texts, metadata: { app: "7.1" } });
    await watch({ family, device, user });
    assert.equal((await ask({ family, device, user })).status, 409);
    for (const [view, hash, heading] of views({ family, device, user, sessionId })) {
      await go(page, hash, heading);
      await page.getByText(/^(Loading|Connecting|Looking)…$/).waitFor({ state: "hidden" });
      await look(view);
    }
    await go(page, `#/family/${family}`, "Family");
    await page.getByRole("button", { name: "Change limits" }).click();
    await look("dialog");
  }, options);
}

test("every_view_is_accessible_in_light", looksAtAll("light", { colorScheme: "light" }));
test("every_view_is_accessible_in_dark", looksAtAll("dark", { colorScheme: "dark" }));
test("every_view_fits_a_phone_of_390_px", looksAtAll("phone", { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true }));

test("is_dark_where_the_system_is", async () => {
  const brightness = {};
  for (const colorScheme of ["light", "dark"]) {
    await inBrowser(async (page) => {
      const color = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
      brightness[colorScheme] = color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0);
    }, { colorScheme })();
  }
  assert.ok(brightness.light > 600 && brightness.dark < 150, JSON.stringify(brightness));
});

test("nothing_moves_where_the_system_says_so", signedIn(async (page) => {
  const moving = await page.evaluate(() => [...document.querySelectorAll("*")].filter((element) => {
    const style = getComputedStyle(element);
    return style.animationName !== "none" || style.transitionDuration.split(", ").some((time) => time !== "0s");
  }).length);
  assert.equal(moving, 0);
}, { reducedMotion: "reduce" }));

/** Presses Tab until what has the focus is named so; each that has it on the way must show it. */
async function tabTo(page, name) {
  const names = [];
  for (let times = 0; times < 60; times += 1) {
    await page.keyboard.press("Tab");
    const focus = await page.evaluate(() => {
      const element = document.activeElement;
      if (element === document.body) return null; // between two rounds it is the browser's own
      const text = element.getAttribute("aria-label") ?? element.labels?.[0]?.textContent ?? element.textContent.trim();
      return { text, ring: getComputedStyle(element).outlineStyle };
    });
    if (focus === null) continue;
    assert.notEqual(focus.ring, "none", `${focus.text} has the focus, and doesn't show it`);
    if (focus.text === name) return;
    names.push(focus.text);
  }
  assert.fail(`no way to ${name} by Tab: ${names}`);
}

test("everything_can_be_done_by_keyboard_alone", inBrowser(async (page) => {
  const family = fresh("family");
  const session = await watch({ family, mediaTitle: "Blue Planet" });
  await page.keyboard.type(TOKEN); // the field has the focus already
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Overview" }).waitFor();

  await page.keyboard.press("/");
  await page.keyboard.type(family);
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: `Family ${family}` }).waitFor();
  assert.equal(await page.evaluate(() => document.activeElement.tagName), "H1");

  await rowOf(page, "Blue Planet").waitFor();
  await tabTo(page, `End Blue Planet of user of ${family}`);
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor();
  // The focus goes round in the dialog, and comes back to the button.
  for (let times = 0; times < 12; times += 1) {
    await page.keyboard.press("Tab");
    assert.ok(await page.evaluate(() => document.activeElement === document.body || document.activeElement.closest("dialog") !== null));
  }
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "End");

  await page.keyboard.press("Enter");
  await tabTo(page, "End the stream");
  await page.keyboard.press("Enter");
  await rowOf(page, "Blue Planet").waitFor({ state: "detached" });
  assert.equal(await authorize(session), "403 terminated");
}));

test("the_first_tab_skips_to_the_content", signedIn(async (page) => {
  await page.reload();
  await page.getByRole("heading", { name: "Overview" }).waitFor();
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Skip to the content");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.textContent), "Overview");
}));

test("the_focus_stays_where_it_is_while_lists_change", signedIn(async (page) => {
  const family = fresh("family");
  const sessions = [await watch({ family, mediaTitle: "One" }), await watch({ family, mediaTitle: "Two" })];
  await go(page, `#/family/${family}`, "Family");
  await rowOf(page, "Two").getByRole("button", { name: "End Two" }).focus();
  await watch({ family, device: fresh("device"), mediaTitle: "Three" });
  await rowOf(page, "Three").waitFor();
  assert.match(await page.evaluate(() => document.activeElement.getAttribute("aria-label")), /^End Two/);
  assert.equal(sessions.length, 2);
}));
