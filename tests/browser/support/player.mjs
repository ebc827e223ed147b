// A player, and an operator without a console: calls of both listeners.
import assert from "node:assert/strict";

import { ADMIN, PLAYER, TOKEN } from "./settings.mjs";

/** One call: {status, body, headers}. */
async function call(address, method, path, { headers, body } = {}) {
  const response = await fetch(address + path, {
    method,
    headers: { ...(body === undefined ? {} : { "Content-Type": "application/json" }), ...headers },
    body: body === undefined ? undefined : JSON.stringify(body),
    signal: AbortSignal.timeout(20000),
  });
  const text = await response.text();
  return { status: response.status, headers: response.headers, body: text === "" ? null : JSON.parse(text) };
}

/** A call of the admin API. */
export function operate(method, path, body) {
  return call(ADMIN, method, `/admin/v1/${path}`, { headers: { Authorization: `Bearer ${TOKEN}` }, body });
}

/** Asks for a session; what is not said is made up. */
export function ask({ family, device = `device of ${family}`, user = `user of ${family}`, media = "film", ...rest }) {
  return call(PLAYER, "POST", "/v1/sessions", { body: { familyId: family, deviceId: device, userId: user, mediaId: media, ...rest } });
}

/** A session that was let in: {sessionId, token, …}. */
export async function watch(wanted) {
  const { status, body } = await ask(wanted);
  assert.equal(status, 201, JSON.stringify(body));
  return body;
}

/** What the proxy is told of a player's next segment: "200", or "403 terminated". */
export async function authorize({ token }) {
  const { status, headers } = await call(PLAYER, "GET", "/v1/authorize", { headers: { "X-Stream-Token": token } });
  return [status, headers.get("X-Stream-Reason")].filter(Boolean).join(" ");
}

export function heartbeat({ token }) {
  return call(PLAYER, "POST", `/v1/sessions/${token}/heartbeat`);
}

/** A player's stop. */
export function stop({ token }) {
  return call(PLAYER, "DELETE", `/v1/sessions/${token}`);
}

/** Tries until it is so, for 30 s. */
export async function until(what, condition) {
  const deadline = Date.now() + 30000;
  while (!(await condition())) {
    assert.ok(Date.now() < deadline, `not so after 30 s: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

let serial = 0;

/** A name that no other test uses. */
export function fresh(word) {
  serial += 1;
  return `${word}-${process.pid}-${serial}`;
}
