// Times and numbers as people say them. A time is shown as its distance from now, exactly in its title.

import { h, setText } from "./console_dom.js";

const UNITS = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
const EXACT = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });
const CLOCK = new Intl.DateTimeFormat("en-GB", { timeStyle: "medium" });
const NUMBER = new Intl.NumberFormat("en");

/** 5025 is "1 h 23 min". */
export function duration(seconds) {
  let rest = Math.max(0, Math.round(seconds));
  const at = UNITS.findIndex(([, size]) => rest >= size);
  if (at < 0) return "0 s";
  const words = [];
  for (const [unit, size] of UNITS.slice(at, at + 2)) {
    const count = Math.floor(rest / size);
    rest %= size;
    if (count > 0) words.push(`${count} ${unit}`);
  }
  return words.join(" ");
}

/** A time's distance from now; the clocks of browser and server may differ a little. */
function distance(ms) {
  const seconds = (Date.now() - ms) / 1000;
  if (Math.abs(seconds) < 3) return "now";
  // The larger unit alone: what is looked at changes less often.
  const text = duration(Math.abs(seconds)).split(" ").slice(0, 2).join(" ");
  return seconds > 0 ? `${text} ago` : `in ${text}`;
}

export function exact(ms) {
  return EXACT.format(ms);
}

/** The time of the day alone. */
export function clock(ms) {
  return CLOCK.format(ms);
}

export function number(value) {
  return NUMBER.format(value);
}

/** A rate, with a decimal where it is small. */
export function rate(value) {
  return value > 0 && value < 10 ? value.toFixed(1) : number(Math.round(value));
}

/** 1 is "1 stream", 2 "2 streams". */
export function count(value, word) {
  return `${number(value)} ${word}${value === 1 ? "" : "s"}`;
}

/** An element that says how long ago an RFC 3339 time is, kept true by the clock below. */
export function ago(time) {
  const ms = Date.parse(time);
  if (Number.isNaN(ms)) return h("span", { class: "none" }, "unknown");
  return h("time", { datetime: time, title: exact(ms) }, distance(ms));
}

/** Changes an element that ago() made. */
export function setAgo(element, time) {
  if (element.dateTime === time) return;
  element.dateTime = time;
  element.title = exact(Date.parse(time));
  setText(element, distance(Date.parse(time)));
}

setInterval(() => {
  if (document.hidden) return;
  for (const element of document.querySelectorAll("time")) setText(element, distance(Date.parse(element.dateTime)));
}, 1000);
