// Redis goes away and comes back: the console says so, and goes on.
import assert from "node:assert/strict";
import { afterEach, test } from "node:test";

import { findings, go, rowOf, screenshot, signedIn } from "./support/browser.mjs";
import { ask, fresh, until, watch } from "./support/player.mjs";
import { REDIS_PID, STORE } from "./support/settings.mjs";

// Whatever a test says, Redis goes on for those behind it.
if (STORE !== "memory") afterEach(() => process.kill(REDIS_PID, "SIGCONT"));

if (STORE === "redis") {
  test("a_banner_says_during_an_outage_what_it_means_and_what_to_do", signedIn(async (page) => {
    const family = fresh("family");
    await watch({ family, mediaTitle: "Before" });
    await go(page, `#/family/${family}`, "Family");
    await rowOf(page, "Before").waitFor();
    process.kill(REDIS_PID, "SIGSTOP");
    const banner = page.getByRole("heading", { name: "Redis is away: this gateway serves from its embedded store." });
    await banner.waitFor();
    await page.getByText("Look whether Redis runs and can be reached").waitFor();
    await watch({ family, device: fresh("device"), mediaTitle: "Meanwhile" });
    await rowOf(page, "Meanwhile").waitFor();
    await page.getByRole("button", { name: "Change limits" }).click();
    await page.getByLabel("Streams of the family").fill("1");
    await page.getByRole("button", { name: "Override the limits" }).click();
    await page.getByRole("dialog").getByText("The store of sessions is away, so this can't be looked up or changed now.").waitFor();
    await page.keyboard.press("Escape");
    assert.deepEqual(await findings(page), []);
    await screenshot(page, "outage");
    await go(page, "#/overview", "Overview");
    await page.locator(".tile", { hasText: "Store" }).getByText("fallback").waitFor();

    process.kill(REDIS_PID, "SIGCONT");
    await banner.waitFor({ state: "detached" });
    await page.getByText("Redis: up").waitFor();
    await go(page, `#/family/${family}`, "Family");
    await rowOf(page, "Meanwhile").waitFor();
    await rowOf(page, "Before").waitFor();
  }));
}

if (STORE === "deny") {
  test("says_what_can_t_be_done_while_the_store_is_away_and_goes_on_when_it_is_back", signedIn(async (page) => {
    const family = fresh("family");
    await watch({ family, mediaTitle: "Before" });
    process.kill(REDIS_PID, "SIGSTOP");
    const banner = page.getByRole("heading", { name: "until it is back this gateway refuses" });
    await until("creates are refused", async () => (await ask({ family })).status === 503);
    await banner.waitFor();
    await page.locator(".tile", { hasText: "Active sessions" }).getByText("unknown while the store is away").waitFor();
    await go(page, `#/family/${family}`, "Family");
    await page.getByRole("alert").getByText("The store of sessions is away, so this can't be looked up or changed now.").waitFor();
    assert.deepEqual(await findings(page), []);
    await screenshot(page, "denying");

    process.kill(REDIS_PID, "SIGCONT");
    await banner.waitFor({ state: "detached" });
    await rowOf(page, "Before").waitFor();
  }));
}
