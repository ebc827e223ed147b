// A list of events, newest first: what happened to whom, when, and why, in words.

import { h } from "./console_dom.js";
import { to } from "./console_route.js";
import { ago } from "./console_time.js";
import { eventDetail, kindOf, refusal, typeWord } from "./console_words.js";

function link(view, id) {
  return h("a", { href: to(view, id) }, id);
}

const PARTS = {
  userId: (event) => [link("user", event.userId)],
  mediaId: (event) => [event.sessionId ? h("a", { href: to("session", event.sessionId) }, event.mediaId) : event.mediaId],
  deviceId: (event) => ["on ", link("device", event.deviceId)],
  familyId: (event) => ["family ", link("family", event.familyId)],
};

/** To whom: "ada · blue-planet · on tv-1 · family lovelace", each a link; without what the page is about anyway. */
function whom(event, about) {
  const members = Object.keys(PARTS).filter((member) => event[member]);
  if (members.length === 0) return [event.type === "gap" ? "The feed" : "A gateway"];
  const told = members.length === 1 ? members : members.filter((member) => member !== about);
  return told.flatMap((member, at) => [at > 0 && " · ", PARTS[member](event)]).flat().filter(Boolean);
}

/** One event as an item of a list, on a page about the family ("familyId") or device, or about all. */
export function eventItem(event, about) {
  const detail = eventDetail(event);
  return h("li", { class: `event ${kindOf(event.type)}`, "data-key": event.id },
    h("span", { class: "badge" }, typeWord(event.type)),
    h("div", { class: "what" },
      h("p", {}, whom(event, about)),
      detail !== "" && h("p", { class: "detail" }, detail)),
    event.time && ago(event.time));
}

/** A list that shows the `most` latest events, the latest first: {element, add(event), clear()}. */
export function newEventList(label, most) {
  const list = h("ol", { class: "events", "aria-label": label });
  const times = new WeakMap();
  return {
    element: list,
    add(event) {
      const item = eventItem(event);
      const time = event.time ?? "";
      // Where they come from several orders, an older one may come later.
      let before = list.firstElementChild;
      while (before && time !== "" && times.get(before) > time) before = before.nextElementSibling;
      times.set(item, time);
      list.insertBefore(item, before);
      while (list.children.length > most) list.lastElementChild.remove();
    },
    clear: () => list.replaceChildren(),
  };
}

/** Why somebody was refused, with what can be done: a box for the head of a page. */
export function refusalBox(event) {
  const words = refusal(event.cause);
  return h("section", { class: "callout bad" },
    h("h2", {}, "Last refusal: ", ago(event.time)),
    h("p", {},
      event.userId ? link("user", event.userId) : "Somebody", " was refused ", event.mediaId || "a stream",
      event.deviceId && [" on ", link("device", event.deviceId)], `: ${words.why} (`,
      h("code", {}, event.cause || "unknown"), ")."),
    words.help && h("p", { class: "hint" }, words.help));
}
