// The overview: what goes on now, what was refused and why, and what has just happened.

import { newChart } from "./console_chart.js";
import { fill, h, setText } from "./console_dom.js";
import { newEventList } from "./console_events.js";
import { follow } from "./console_feed.js";
import { to } from "./console_route.js";
import { KEPT_MS, growth, samples, watchStats } from "./console_stats.js";
import { duration, number, rate } from "./console_time.js";
import { refusal } from "./console_words.js";

const MINUTE_MS = 60000;
const EVENTS_SINCE_MS = 5 * MINUTE_MS;
const EVENTS_MAX = 12;
const UNKNOWN = "unknown while the store is away";

/** A number with its name: {element, show(value, remark)}. */
function tile(name) {
  const value = h("dd", {}, "–");
  const remark = h("dd", { class: "sub" });
  return {
    element: h("div", { class: "tile" }, h("dt", {}, name), value, remark),
    show(text, more = "") {
      setText(value, text);
      setText(remark, more);
    },
  };
}

// What the store counts is null while it is away.
function counted(value) {
  return value === null ? "–" : number(value);
}

/** What a tile shows of a counter's growth. */
function rateTexts(grown) {
  return grown === null ? ["…"] : [`${rate(grown.rate)}/s`, `in the last ${duration(grown.seconds)}`];
}

function denialRows(denials) {
  const rows = Object.entries(denials ?? {}).filter(([, times]) => times > 0).sort(([, a], [, b]) => b - a);
  if (rows.length === 0) {
    return h("tr", {}, h("td", { colspan: 2, class: "empty" }, "Nobody has been refused since this gateway started."));
  }
  return rows.map(([code, times]) => h("tr", {},
    h("td", {}, refusal(code).title, h("span", { class: "sub" }, `${code}: ${refusal(code).why}`)),
    h("td", { class: "figure" }, number(times))));
}

export function openOverview(place, route, signal) {
  const tiles = {
    sessions: tile("Active sessions"),
    users: tile("Users online"),
    creates: tile("Creates"),
    denials: tile("Denials"),
    store: tile("Store"),
    gateway: tile("This gateway"),
  };
  const chart = newChart(KEPT_MS);
  const denials = h("tbody", {});
  const events = newEventList("Latest events", EVENTS_MAX);
  const noEvents = h("p", { class: "empty" }, "Nothing has happened in the last five minutes. Events show up here by themselves.");

  fill(place,
    h("h1", { tabindex: -1 }, "Overview"),
    h("dl", { class: "tiles", "aria-label": "Numbers" }, Object.values(tiles).map(({ element }) => element)),
    h("section", { class: "card" }, h("h2", {}, "Active sessions and denials"), chart.element),
    h("div", { class: "columns" },
      h("section", { class: "card" },
        h("h2", {}, "Latest events"), events.element, noEvents,
        h("p", { class: "more" }, h("a", { href: to("live") }, "Follow all events"))),
      h("section", { class: "card" },
        h("h2", {}, "Denials by cause"),
        h("table", {},
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Cause"), h("th", { scope: "col", class: "figure" }, "Since the start"))),
          denials),
        h("p", { class: "more" }, h("a", { href: to("live", undefined, { type: "denied" }) }, "Follow who is refused")))));

  let shownDenials = "";
  watchStats(({ stats }) => {
    if (!stats) return;
    tiles.sessions.show(counted(stats.sessions.active), stats.sessions.active === null ? UNKNOWN : "");
    tiles.users.show(counted(stats.usersOnline), stats.usersOnline === null ? UNKNOWN : "seen in the last minutes");
    tiles.creates.show(...rateTexts(growth("creates", MINUTE_MS)));
    tiles.denials.show(...rateTexts(growth("denials", MINUTE_MS)));
    tiles.store.show(stats.store.kind === "redis" ? "Redis" : "Embedded", stats.store.state);
    tiles.gateway.show(stats.version, `up for ${duration(stats.uptime)}`);
    chart.draw(samples());
    const now = JSON.stringify(stats.denials);
    if (now !== shownDenials) fill(denials, denialRows(stats.denials));
    shownDenials = now;
  }, signal);

  follow({
    sinceMs: Date.now() - EVENTS_SINCE_MS,
    signal,
    onEvent(event) {
      events.add(event);
      noEvents.hidden = true;
    },
  });
}
