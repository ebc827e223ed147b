// A user's page: the streams, and what happened in the last hour, above all why one was refused.

import { call, path, withQuery } from "./console_api.js";
import { fill, h } from "./console_dom.js";
import { newEventList, refusalBox } from "./console_events.js";
import { follow } from "./console_feed.js";
import { poll } from "./console_poll.js";
import { newStreamTable } from "./console_streams.js";

const PAUSE_MS = 3000;
const SINCE_MS = 3600 * 1000;
const EVENTS_MAX = 100;

export function openUser(place, route, signal) {
  const id = route.argument;
  const error = h("div", { role: "alert" });
  const refused = h("div", {});
  const table = newStreamTable(["title", "family", "device"], `Streams of user ${id}`, () => look());
  const noStreams = h("p", { class: "empty" }, "No stream runs.");
  const events = newEventList("Events of the last hour", EVENTS_MAX);
  const noEvents = h("p", { class: "empty" },
    "Nothing is known to have happened to this user in the last hour. New events show up here by themselves.");

  let lastRefusal = "";

  table.element.hidden = true;
  fill(place, h("h1", { tabindex: -1 }, h("span", { class: "kind" }, "User"), " ", id), error, refused,
    h("section", { class: "card" }, h("h2", {}, "Streams"), table.element, noStreams),
    h("section", { class: "card" }, h("h2", {}, "Events of the last hour"), events.element, noEvents));

  const look = poll(async () => {
    try {
      const { sessions } = await call("GET", withQuery(path("sessions"), { user: id, limit: 100 }), { signal });
      table.show(sessions);
      table.element.hidden = sessions.length === 0;
      noStreams.hidden = sessions.length > 0;
      fill(error);
    } catch (refusal) {
      if (!signal.aborted) fill(error, h("p", { class: "error" }, refusal.message, " It is tried again every few seconds."));
    }
  }, PAUSE_MS, signal);

  follow({
    filter: { user: id },
    sinceMs: Date.now() - SINCE_MS,
    signal,
    onEvent(event) {
      events.add(event);
      noEvents.hidden = true;
      if (event.type !== "denied" || event.time < lastRefusal) return;
      lastRefusal = event.time;
      fill(refused, refusalBox(event));
    },
  });
}
