// A chart of the last minutes: active sessions as a line, denials as bars below it, drawn as SVG.

import { fill, h, s, setText } from "./console_dom.js";
import { clock, count, duration, number } from "./console_time.js";

const HEIGHT = 168;
const TOP = 10; // room above the line
const LINE_END = 112; // where the line's part ends
const BARS_TOP = 124;
const BARS_END = 148; // where the axis is
const LEFT = 44;
const RIGHT = 10;

/** The least round number (1, 2, 5 times a power of ten) of which two steps hold the value. */
function step(value) {
  const half = Math.max(1, value / 2);
  const power = 10 ** Math.floor(Math.log10(half));
  return [1, 2, 5, 10].map((times) => times * power).find((size) => size >= half);
}

/** How many denials came between a sample and the one before. */
function denialsAt(samples, at) {
  return at === 0 ? 0 : Math.max(0, samples[at].denials - samples[at - 1].denials);
}

function label(x, y, text, anchor) {
  return s("text", { x, y, class: "axis", "text-anchor": anchor }, text);
}

function drawGrid(width, top, span) {
  const parts = [];
  for (const value of [0, top / 2, top]) {
    const y = LINE_END - (value / top) * (LINE_END - TOP);
    parts.push(s("line", { x1: LEFT, x2: width - RIGHT, y1: y, y2: y, class: "grid" }), label(LEFT - 6, y + 4, number(value), "end"));
  }
  parts.push(s("line", { x1: LEFT, x2: width - RIGHT, y1: BARS_END, y2: BARS_END, class: "grid" }));
  for (const part of [1, 0.5, 0]) {
    const x = LEFT + (1 - part) * (width - LEFT - RIGHT);
    const anchor = part === 1 ? "start" : part === 0 ? "end" : "middle";
    parts.push(label(x, BARS_END + 15, part === 0 ? "now" : `${duration((span * part) / 1000)} ago`, anchor));
  }
  return parts;
}

/** The samples in runs of such as have a count: while the store is away there is none. */
function counted(samples) {
  const runs = [[]];
  for (const sample of samples) {
    if (sample.sessions !== null) runs.at(-1).push(sample);
    else if (runs.at(-1).length > 0) runs.push([]);
  }
  return runs.filter((run) => run.length > 0);
}

function drawRun(run, x, y) {
  const points = run.map((sample) => `${x(sample.time).toFixed(1)},${y(sample.sessions).toFixed(1)}`);
  const first = x(run[0].time).toFixed(1);
  const last = x(run.at(-1).time).toFixed(1);
  return [
    s("path", { class: "area", d: `M${first},${LINE_END}L${points.join("L")}L${last},${LINE_END}Z` }),
    s("path", { class: "line", d: `M${points.join("L")}` }),
    s("circle", { class: "dot", cx: last, cy: y(run.at(-1).sessions).toFixed(1), r: 3 }),
  ];
}

function drawBars(samples, x) {
  const most = Math.max(1, ...samples.map((_, at) => denialsAt(samples, at)));
  return samples.map((sample, at) => {
    const denials = denialsAt(samples, at);
    if (denials === 0) return null;
    const height = Math.max(2, (denials / most) * (BARS_END - BARS_TOP));
    return s("rect", { class: "bar", x: x(sample.time) - 1.5, y: BARS_END - height, width: 3, height });
  });
}

function sessionsText({ sessions }) {
  return sessions === null ? "An unknown number of active sessions" : count(sessions, "active session");
}

/** What the chart shows, for those who don't see it. */
function summary(samples) {
  const sessions = counted(samples).flat().map((sample) => sample.sessions);
  const span = (samples.at(-1).time - samples[0].time) / 1000;
  const denials = samples.reduce((all, _, at) => all + denialsAt(samples, at), 0);
  const range = sessions.length > 0
    ? `, between ${number(Math.min(...sessions))} and ${number(Math.max(...sessions))} in the last ${duration(span)}`
    : "";
  return `${sessionsText(samples.at(-1))}${range}; ${count(denials, "denial")}.`;
}

/** A chart: {element, draw(samples)}. */
export function newChart(spanMs) {
  const picture = s("svg", { class: "chart", height: HEIGHT, role: "img", "aria-label": "No numbers yet" });
  const readout = h("p", { class: "readout" }, "No numbers yet.");
  const element = h("div", { class: "chart-box" }, picture, readout);
  let shown = [];
  let span = spanMs;
  let pointed = null;

  function draw() {
    const width = Math.max(280, element.clientWidth);
    picture.setAttribute("width", width);
    picture.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
    if (shown.length === 0) return;
    const now = shown.at(-1).time;
    // A page that was opened a moment ago has little to show: its chart begins with two minutes.
    span = Math.min(spanMs, Math.max(120000, now - shown[0].time));
    const top = step(Math.max(...shown.map((sample) => sample.sessions))) * 2;
    const x = (time) => LEFT + (1 - (now - time) / span) * (width - LEFT - RIGHT);
    const y = (value) => LINE_END - (value / top) * (LINE_END - TOP);
    const mark = pointed === null ? null : shown[pointed];
    fill(picture, drawGrid(width, top, span), counted(shown).map((run) => drawRun(run, x, y)), drawBars(shown, x),
      mark && s("line", { class: "pointer", x1: x(mark.time), x2: x(mark.time), y1: TOP, y2: BARS_END }));
    picture.setAttribute("aria-label", summary(shown));
    setText(readout, mark
      ? `${clock(mark.time)}: ${sessionsText(mark)}, ${count(denialsAt(shown, pointed), "denial")}`
      : summary(shown));
  }

  picture.addEventListener("pointermove", (event) => {
    if (shown.length === 0) return;
    const box = picture.getBoundingClientRect();
    const part = (event.clientX - box.left - LEFT) / (box.width - LEFT - RIGHT);
    const time = shown.at(-1).time - (1 - part) * span;
    pointed = shown.reduce((best, sample, at) => (Math.abs(sample.time - time) < Math.abs(shown[best].time - time) ? at : best), 0);
    draw();
  });
  picture.addEventListener("pointerleave", () => {
    pointed = null;
    draw();
  });
  new ResizeObserver(draw).observe(element);
  return {
    element,
    draw(samples) {
      // What is pointed at moves on with the samples.
      if (pointed !== null) pointed = Math.max(0, samples.indexOf(shown[pointed]));
      shown = [...samples];
      draw();
    },
  };
}
