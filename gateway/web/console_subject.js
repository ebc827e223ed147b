// A family's page, and a device's, which is the same without limits: its streams, why somebody was refused, what
// happened lately, and what can be done.

import { changeLimits, endAll, liftBlock, removeOverride } from "./console_actions.js";
import { call, path } from "./console_api.js";
import { fill, h, keepInStep, setText } from "./console_dom.js";
import { eventItem, refusalBox } from "./console_events.js";
import { poll } from "./console_poll.js";
import { newStreamTable } from "./console_streams.js";
import { ago, count, number } from "./console_time.js";

const PAUSE_MS = 3000;
const SUBJECTS = {
  family: { plural: "families", word: "Family", columns: ["title", "device", "user"] },
  device: { plural: "devices", word: "Device", columns: ["title", "family", "user"] },
};

function limitText(limit) {
  return limit === null || limit === 0 ? "no limit" : number(limit);
}

/** How much of the limit is used: {element, show(usage)}. */
function newMeter() {
  const text = h("p", { class: "usage" });
  const bar = h("meter", { min: 0, "aria-hidden": "true" });
  return {
    element: h("div", { class: "meter-box" }, text, bar),
    show({ active, limit }) {
      setText(text, limit ? `${number(active)} of ${count(limit, "stream")}` : `${count(active, "stream")}, no limit`);
      bar.hidden = !limit;
      if (!limit) return;
      bar.max = limit;
      bar.optimum = 0;
      bar.high = Math.max(0, limit - 0.5);
      bar.value = active;
    },
  };
}

function blockedBox(kind, id, blocked, done) {
  return h("section", { class: "callout warn" },
    h("h2", {}, "Blocked: new streams are refused"),
    h("p", {}, "It ends ", ago(blocked.until), blocked.message && [". Viewers are told: ", h("q", {}, blocked.message)], "."),
    h("button", { type: "button", onclick: () => liftBlock(kind, id, done) }, "Lift the block"));
}

function limitsCard(id, limits, done) {
  const overridden = limits.source === "override";
  return [
    h("h2", {}, "Limits"),
    h("dl", { class: "pairs" },
      h("dt", {}, "Streams of the family"), h("dd", {}, limitText(limits.family)),
      h("dt", {}, "Streams on one device"), h("dd", {}, limitText(limits.device)),
      h("dt", {}, "From"), h("dd", {}, overridden
        ? ["an operator's override", limits.expiresAt ? [", which ends ", ago(limits.expiresAt)] : ", until it is changed"]
        : "the settings, where the app's backend claims no others")),
    h("div", { class: "buttons" },
      h("button", { type: "button", onclick: () => changeLimits(id, limits, done) }, "Change limits"),
      overridden && h("button", { type: "button", onclick: () => removeOverride(id, done) }, "Remove the override")),
  ];
}

/** Fills a place anew only where what it shows is another: a button that has the focus keeps it. */
function newPlace(element) {
  let shown = "";
  return (state, build) => {
    const now = JSON.stringify(state);
    if (now === shown) return;
    shown = now;
    fill(element, build());
  };
}

export function openSubject(kind, place, route, signal) {
  const { plural, word, columns } = SUBJECTS[kind];
  const id = route.argument;
  let active = 0;
  const look = () => again();

  const error = h("div", { role: "alert" });
  const loading = h("p", { class: "status", role: "status" }, "Loading…");
  const blocked = h("div", {});
  const refused = h("div", {});
  const limits = h("section", { class: "card" });
  const events = h("ol", { class: "events", "aria-label": "Recent events" });
  const noEvents = h("p", { class: "empty" }, `Nothing is known to have happened to this ${kind} lately.`);
  const meter = newMeter();
  const table = newStreamTable(columns, `Streams of ${kind} ${id}`, look);
  const noStreams = h("p", { class: "empty" },
    "No stream runs. Should one? Then look below for why it was refused, or compare the id: "
      + `it is ${id.length} characters long, and capitals count.`);
  const end = h("button", { type: "button", class: "danger", onclick: () => endAll(plural, id, active, look) }, "End all streams");
  const whole = h("div", { hidden: true },
    blocked, refused,
    h("section", { class: "card" }, h("div", { class: "head" }, h("h2", {}, "Streams"), meter.element, end), table.element, noStreams),
    h("div", { class: "columns" },
      h("section", { class: "card" }, h("h2", {}, "Recent events"), events, noEvents),
      kind === "family" && limits));

  fill(place, h("h1", { tabindex: -1 }, h("span", { class: "kind" }, word), " ", id), loading, error, whole);

  const showBlocked = newPlace(blocked);
  const showRefused = newPlace(refused);
  const showLimits = newPlace(limits);

  function show(subject) {
    active = subject.sessions.length;
    meter.show(subject.usage[kind]);
    table.show(subject.sessions);
    table.element.hidden = active === 0;
    noStreams.hidden = active > 0;
    showBlocked(subject.blocked, () => subject.blocked && blockedBox(plural, id, subject.blocked, look));
    const last = subject.events.find((event) => event.type === "denied");
    showRefused(last, () => last && refusalBox(last));
    if (kind === "family") showLimits(subject.limits, () => limitsCard(id, subject.limits, look));
    keepInStep(events, subject.events, (event) => event.id, (event) => eventItem(event, `${kind}Id`));
    noEvents.hidden = subject.events.length > 0;
  }

  const again = poll(async () => {
    try {
      show(await call("GET", path(plural, id), { signal }));
      whole.hidden = false;
      loading.hidden = true;
      fill(error);
    } catch (refusal) {
      if (signal.aborted) return;
      loading.hidden = true;
      fill(error, h("p", { class: "error" }, refusal.message, " It is tried again every few seconds."));
    }
  }, PAUSE_MS, signal);
}
