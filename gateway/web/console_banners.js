// What every page tells at its head: the store is away, the gateway drains, or doesn't answer.

import { h, keepInStep, setText } from "./console_dom.js";
import { watchStats } from "./console_stats.js";
import { clock } from "./console_time.js";
import { OUTAGES } from "./console_words.js";

const DRAINING = {
  level: "note",
  title: "This gateway drains: it takes no new sessions.",
  means: "/readyz is 503, new sessions are refused with 503, streams that run go on.",
  help: "Undo it under Gateway.",
};

function unanswered(failure, seen) {
  return {
    level: "bad",
    title: failure.message,
    means: seen ? `What is shown is from ${clock(seen)}.` : "Nothing can be shown yet.",
    help: "It is tried again every two seconds.",
  };
}

function bannersOf({ stats, failure, seen }) {
  const banners = [];
  if (failure) banners.push(["silent", unanswered(failure, seen)]);
  const outage = OUTAGES[stats?.store.state];
  if (outage) banners.push([`store-${stats.store.state}`, outage]);
  if (stats?.draining) banners.push(["draining", DRAINING]);
  return banners;
}

function make([, banner]) {
  return h("section", { class: `banner ${banner.level}` },
    h("h2", {}, banner.title), h("p", {}, banner.means), h("p", {}, banner.help));
}

function change(element, [, banner]) {
  const texts = [banner.title, banner.means, banner.help];
  [...element.children].forEach((child, at) => setText(child, texts[at]));
}

const CHIPS = { up: "good", fallback: "warn", allow: "warn", deny: "bad", returning: "note" };

/** Shows them in a place that is a live region, and the store's state on a chip, until the signal. */
export function showBanners(place, chip, signal) {
  watchStats((look) => {
    keepInStep(place, bannersOf(look), ([key]) => key, make, change);
    const { stats, failure } = look;
    chip.hidden = !stats && !failure;
    chip.className = `chip ${failure ? "bad" : CHIPS[stats.store.state] ?? "note"}`;
    setText(chip, failure ? "no answer" : `${stats.store.kind === "redis" ? "Redis" : "embedded store"}: ${stats.store.state}`);
  }, signal);
  signal.addEventListener("abort", () => {
    place.replaceChildren();
    chip.hidden = true;
  });
}
