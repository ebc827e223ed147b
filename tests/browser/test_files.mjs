// The console's files as the gateway sends them.
import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { ADMIN } from "./support/settings.mjs";

const WEB = new URL("../../gateway/web/", import.meta.url);
const sources = readdirSync(WEB).filter((name) => /\.(html|css|js|svg)$/.test(name));

function addressOf(name) {
  if (name === "index.html") return "/";
  return name.endsWith(".js") ? `/console/${name}` : `/${name}`;
}

test("every_file_of_the_console_is_served_as_it_is_without_a_token", async () => {
  assert.ok(sources.length > 20);
  for (const name of sources) {
    const response = await fetch(ADMIN + addressOf(name));
    assert.equal(response.status, 200, name);
    assert.equal(await response.text(), readFileSync(new URL(name, WEB), "utf8"), name);
  }
});

test("every_file_is_held_to_its_own_origin_and_kept_by_its_tag", async () => {
  for (const name of sources) {
    const response = await fetch(ADMIN + addressOf(name));
    const policy = response.headers.get("Content-Security-Policy");
    for (const rule of ["default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "base-uri 'none'",
      "form-action 'none'", "frame-ancestors 'none'"]) assert.ok(policy.split("; ").includes(rule), `${name}: ${rule}`);
    assert.doesNotMatch(policy, /unsafe|https?:|\*/);
    assert.equal(response.headers.get("X-Content-Type-Options"), "nosniff");
    assert.equal(response.headers.get("Referrer-Policy"), "no-referrer");
    assert.equal(response.headers.get("Cache-Control"), "no-cache");
    const known = { "If-None-Match": response.headers.get("ETag") };
    assert.equal((await fetch(ADMIN + addressOf(name), { headers: known })).status, 304, name);
    const other = { "If-None-Match": '"another"' };
    assert.equal((await fetch(ADMIN + addressOf(name), { headers: other })).status, 200, name);
  }
});

test("nothing_else_is_served_without_a_token", async () => {
  const paths = ["/admin/v1/stats", "/admin/v1/sessions", "/admin/v1/events", "/admin/v1/config", "/admin/v1/nothing"];
  for (const path of paths) assert.equal((await fetch(ADMIN + path)).status, 401, path);
  for (const path of ["/console/nothing.js", "/console/", "/console/..%2findex.html", "/index.html"]) {
    assert.equal((await fetch(ADMIN + path)).status, 404, path);
  }
});

test("the_console_names_no_outside_address_and_builds_no_html_from_text", () => {
  for (const name of sources) {
    const text = readFileSync(new URL(name, WEB), "utf8").replaceAll("http://www.w3.org/2000/svg", "");
    assert.doesNotMatch(text, /https?:|["'(]\/\//, name);
    assert.doesNotMatch(text, /innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b|new Function/, name);
    assert.doesNotMatch(text, /localStorage|document\.cookie/, name);
    assert.doesNotMatch(text, / style="| on[a-z]+="/, name);
  }
});
