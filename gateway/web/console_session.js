// One stream: all that is known of it, and the button that ends it.

import { endStream } from "./console_actions.js";
import { call, path } from "./console_api.js";
import { fill, h } from "./console_dom.js";
import { poll } from "./console_poll.js";
import { to } from "./console_route.js";
import { ago } from "./console_time.js";
import { endSentence } from "./console_words.js";

const PAUSE_MS = 3000;

function row(name, value) {
  return value === undefined || value === null || value === "" ? null : [h("dt", {}, name), h("dd", {}, value)];
}

function link(view, id) {
  return h("a", { href: to(view, id) }, id);
}

function pairs(session) {
  return h("dl", { class: "pairs" },
    row("Title", session.mediaTitle),
    row("Media id", h("a", { href: to("sessions", undefined, { media: session.mediaId }) }, session.mediaId)),
    row("User", link("user", session.userId)),
    row("Family", link("family", session.familyId)),
    row("Device", session.deviceName),
    row("Device id", link("device", session.deviceId)),
    row("Platform", session.platform),
    row("Player", session.playerId),
    row("Started", ago(session.startedAt)),
    row("Last sign of life", ago(session.lastHeartbeat)),
    row("Expires", [ago(session.expiresAt), ", unless it shows another sign of life"]),
    row("Metadata", session.metadata && h("pre", {}, JSON.stringify(session.metadata, null, 2))),
    row("Session id", h("code", {}, session.sessionId)));
}

function goneText(refusal) {
  if (refusal.status !== 410) return "This is no session id.";
  // What is forgotten, and what never was, looks just as if it had expired.
  if (refusal.reason === "expired") return "No such stream runs: it was silent for too long, ended some time ago, or never was.";
  return `This stream has ended: ${endSentence(refusal.reason)}.`;
}

export function openSession(place, route, signal) {
  const id = route.argument;
  const error = h("div", { role: "alert" });
  const body = h("section", { class: "card", "aria-live": "off" }, h("p", { class: "status" }, "Loading…"));
  let shown = "";
  let stop; // of the poll, once it has ended

  fill(place, h("h1", { tabindex: -1 }, h("span", { class: "kind" }, "Session"), " ", id), error, body);

  function show(session) {
    const { idleSeconds, ...rest } = session;
    // Another silence alone is no reason to build a page anew whose button may have the focus.
    const now = JSON.stringify(rest);
    if (now === shown) return;
    shown = now;
    const focused = body.contains(document.activeElement) && document.activeElement.tagName === "BUTTON";
    fill(body, pairs(session), h("div", { class: "buttons" },
      h("button", { type: "button", class: "danger", onclick: () => endStream(session, again) }, "End this stream")));
    if (focused) body.querySelector("button").focus();
  }

  const again = poll(async () => {
    if (stop) return;
    try {
      show(await call("GET", path("sessions", id), { signal }));
      fill(error);
    } catch (refusal) {
      if (signal.aborted) return;
      if (refusal.status === 404 || refusal.status === 410) {
        stop = true;
        fill(error);
        fill(body, h("p", {}, goneText(refusal)),
          h("p", { class: "hint" }, "Its family's page tells what happened. ", h("a", { href: to("sessions") }, "All streams")));
        return;
      }
      fill(error, h("p", { class: "error" }, refusal.message, " It is tried again every few seconds."));
    }
  }, PAUSE_MS, signal);
}
