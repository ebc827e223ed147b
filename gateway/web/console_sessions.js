// All streams, page by page, narrowed down by family, device, user or title.

import { call, path, withQuery } from "./console_api.js";
import { fill, h, setText } from "./console_dom.js";
import { poll } from "./console_poll.js";
import { to } from "./console_route.js";
import { newStreamTable } from "./console_streams.js";
import { count } from "./console_time.js";

const PAGE = 50;
const PAUSE_MS = 3000;
const FILTERS = [["family", "Family"], ["device", "Device"], ["user", "User"], ["media", "Title (media id)"]];

function filterForm(parameters) {
  const inputs = FILTERS.map(([name, label]) => h("label", {}, h("span", {}, label),
    h("input", { name, type: "search", value: parameters.get(name) ?? "", autocomplete: "off", spellcheck: "false" })));
  return h("form", {
    class: "filters",
    role: "search",
    "aria-label": "Streams",
    onsubmit(event) {
      event.preventDefault();
      const values = Object.fromEntries([...new FormData(event.currentTarget)].map(([name, value]) => [name, value.trim()]));
      location.hash = to("sessions", undefined, values);
    },
  }, inputs, h("div", { class: "buttons" },
    h("button", { type: "submit", class: "primary" }, "Show"),
    [...parameters].length > 0 && h("a", { class: "button", href: to("sessions") }, "Clear")));
}

export function openSessions(place, route, signal) {
  const filter = Object.fromEntries(FILTERS.map(([name]) => [name, route.parameters.get(name)]).filter(([, value]) => value));
  const filtered = Object.keys(filter).length > 0;
  let cursors = [""]; // of the pages up to this one
  let next = null;

  const status = h("p", { class: "status", role: "status" }, "Loading…");
  const error = h("div", { role: "alert" });
  const before = h("button", { type: "button", onclick: () => turn(cursors.slice(0, -1)) }, "Previous page");
  const after = h("button", { type: "button", onclick: () => turn([...cursors, next]) }, "Next page");
  const pages = h("nav", { class: "pages", "aria-label": "Pages", hidden: true }, before, after);
  const columns = ["title", "family", "user", "device"];
  const table = newStreamTable(columns, "Streams", () => look());
  table.element.hidden = true;
  const empty = h("div", { class: "empty-box", hidden: true }, filtered
    ? [h("p", {}, "No stream matches. Ids are compared as a whole, and capitals count."),
      h("p", {}, "A stream that has ended is in no list: its family's page tells what happened to it.")]
    : [h("p", {}, "Nobody watches at the moment."), h("p", {}, "A stream shows up here by itself as soon as a player creates a session.")]);

  fill(place,
    h("h1", { tabindex: -1 }, "Sessions"), filterForm(route.parameters), status, error, table.element, empty, pages);

  async function load() {
    const where = withQuery(path("sessions"), { ...filter, limit: PAGE, cursor: cursors.at(-1) });
    const mine = cursors;
    try {
      const page = await call("GET", where, { signal });
      if (mine !== cursors) return; // another page is wanted meanwhile
      next = page.cursor;
      fill(error);
      table.show(page.sessions);
      table.element.hidden = page.sessions.length === 0;
      empty.hidden = page.sessions.length > 0 || next !== null || cursors.length > 1;
      before.disabled = cursors.length === 1;
      after.disabled = next === null;
      pages.hidden = before.disabled && after.disabled;
      setText(status, page.sessions.length === 0 && !empty.hidden ? "No streams."
        : `${count(page.sessions.length, "stream")}${pages.hidden ? "" : ` on page ${cursors.length}`}.`);
    } catch (refusal) {
      if (signal.aborted) return;
      if (refusal.code === "invalid_request" && cursors.length > 1) {
        // The cursor is of a store that is away now, or of a gateway that has started anew.
        cursors = [""];
        again();
        return;
      }
      setText(status, "");
      fill(error, h("p", { class: "error" }, refusal.message, " It is tried again every few seconds."));
    }
  }

  function turn(wanted) {
    cursors = wanted;
    setText(status, "Loading…");
    look();
    place.querySelector("h1").focus();
  }

  const look = poll(load, PAUSE_MS, signal);
  function again() { setTimeout(look); }
}
