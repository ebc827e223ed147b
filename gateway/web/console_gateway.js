// This gateway: its settings, what it was asked, and draining it.

import { drain } from "./console_actions.js";
import { call, path } from "./console_api.js";
import { fill, h } from "./console_dom.js";
import { watchStats } from "./console_stats.js";
import { number } from "./console_time.js";

/** {"a":{"b":1}} as [["a.b", "1"]]. */
function flatten(value, name = "") {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    const text = Array.isArray(value) ? value.join(", ") : value === null ? "" : String(value);
    return [[name, text]];
  }
  return Object.entries(value).flatMap(([key, inner]) => flatten(inner, name ? `${name}.${key}` : key));
}

function requestRows(requests) {
  const rows = Object.entries(requests ?? {}).filter(([, times]) => times > 0).sort(([, a], [, b]) => b - a);
  if (rows.length === 0) return h("tr", {}, h("td", { colspan: 2, class: "empty" }, "None yet."));
  return rows.map(([route, times]) => h("tr", {}, h("td", {}, h("code", {}, route)), h("td", { class: "figure" }, number(times))));
}

export function openGateway(place, route, signal) {
  const drainBox = h("div", {});
  const requests = h("tbody", {});
  const settings = h("div", {}, h("p", { class: "status" }, "Loading…"));
  let shown = "";

  fill(place, h("h1", { tabindex: -1 }, "Gateway"),
    h("section", { class: "card" }, h("h2", {}, "New sessions"), drainBox),
    h("div", { class: "columns" },
      h("section", { class: "card" }, h("h2", {}, "Settings in force"), settings),
      h("section", { class: "card" }, h("h2", {}, "Requests since the start"),
        h("table", {},
          h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Route"), h("th", { scope: "col", class: "figure" }, "Requests"))),
          requests))));

  watchStats(({ stats }) => {
    if (!stats) return;
    const now = JSON.stringify([stats.draining, stats.requests]);
    if (now === shown) return;
    shown = now;
    fill(requests, requestRows(stats.requests));
    const focused = drainBox.contains(document.activeElement);
    fill(drainBox, h("p", {}, stats.draining
      ? "It drains: new sessions are refused, streams that run go on."
      : "It takes new sessions. Drain it before you stop it, so that balancers send new viewers elsewhere."),
    h("button", { type: "button", onclick: () => drain(!stats.draining, () => {}) }, stats.draining ? "Stop draining" : "Drain"));
    if (focused) drainBox.querySelector("button").focus();
  }, signal);

  call("GET", path("config"), { signal }).then((config) => {
    fill(settings, h("table", {},
      h("thead", {}, h("tr", {}, h("th", { scope: "col" }, "Setting"), h("th", { scope: "col" }, "Value"))),
      h("tbody", {}, flatten(config).map(([name, value]) => h("tr", {},
        h("td", {}, h("code", {}, name)),
        h("td", {}, value || h("span", { class: "none" }, "not set")))))));
  }).catch((refusal) => {
    if (!signal.aborted) fill(settings, h("p", { class: "error" }, refusal.message, " Open this page again to try once more."));
  });
}
