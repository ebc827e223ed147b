// The live feed: everything as it happens, narrowed down if wanted, and held still where somebody wants to read.

import { fill, h, setText } from "./console_dom.js";
import { newEventList } from "./console_events.js";
import { follow } from "./console_feed.js";
import { to } from "./console_route.js";
import { count } from "./console_time.js";
import { EVENT_TYPES, typeWord } from "./console_words.js";

const SINCE_MS = 10 * 60 * 1000;
const SHOWN_MAX = 300;
const HELD_MAX = 5000;
const FILTERS = [["family", "Family"], ["device", "Device"], ["user", "User"], ["media", "Title (media id)"]];

function filterForm(parameters) {
  const type = h("select", { name: "type" },
    h("option", { value: "" }, "all"),
    EVENT_TYPES.map((word) => h("option", { value: word, selected: parameters.get("type") === word }, typeWord(word))));
  return h("form", {
    class: "filters",
    "aria-label": "Which events",
    onsubmit(event) {
      event.preventDefault();
      const values = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, value.trim()]));
      location.hash = to("live", undefined, values);
    },
  },
  h("label", {}, h("span", {}, "What happened"), type),
  FILTERS.map(([name, label]) => h("label", {}, h("span", {}, label),
    h("input", { name, type: "search", value: parameters.get(name) ?? "", autocomplete: "off", spellcheck: "false" }))),
  h("div", { class: "buttons" },
    h("button", { type: "submit", class: "primary" }, "Show"),
    [...parameters].length > 0 && h("a", { class: "button", href: to("live") }, "Clear")));
}

const STATES = {
  connecting: () => "Connecting…",
  live: () => "Live.",
  waiting: (refusal) => `${refusal?.message ?? "The feed was cut off."} It is tried again, and goes on where it was.`,
};

export function openLive(place, route, signal) {
  const filter = Object.fromEntries(["type", ...FILTERS.map(([name]) => name)].map((name) => [name, route.parameters.get(name)]));
  const list = newEventList("Events", SHOWN_MAX);
  const status = h("p", { class: "status", role: "status" }, "Connecting…");
  const empty = h("p", { class: "empty" }, "Nothing of this has happened in the last ten minutes. Events show up here by themselves.");
  const pause = h("button", { type: "button", "aria-pressed": "false", onclick: toggle }, "Pause");
  const clear = h("button", { type: "button", onclick: () => { list.clear(); empty.hidden = false; } }, "Clear the list");
  let held = null; // what came while paused; null while it isn't
  let state = STATES.connecting();

  fill(place, h("h1", { tabindex: -1 }, "Live feed"), filterForm(route.parameters),
    h("div", { class: "bar" }, status, h("div", { class: "buttons" }, pause, clear)), list.element, empty);

  function showStatus() {
    setText(status, held === null ? state : `Paused: ${count(held.length, "event")} since.`);
  }

  function show(event) {
    list.add(event);
    empty.hidden = true;
  }

  function toggle() {
    if (held === null) {
      held = [];
    } else {
      held.forEach(show);
      held = null;
    }
    pause.setAttribute("aria-pressed", String(held !== null));
    setText(pause, held === null ? "Pause" : "Go on");
    showStatus();
  }

  follow({
    filter,
    sinceMs: Date.now() - SINCE_MS,
    signal,
    onEvent(event) {
      if (held === null) {
        show(event);
        return;
      }
      held.push(event);
      if (held.length > HELD_MAX) held.shift();
      showStatus();
    },
    onState(word, refusal) {
      state = STATES[word](refusal);
      showStatus();
    },
  });
}
