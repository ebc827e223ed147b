// The gateway's numbers, asked for every two seconds while somebody looks, and their last ten minutes.

import { call, path } from "./console_api.js";
import { poll } from "./console_poll.js";

export const PAUSE_MS = 2000;
export const KEPT_MS = 10 * 60 * 1000;

const listeners = new Set();
let history = []; // of {time, sessions, users, creates, denials}, oldest first
let latest = { stats: null, failure: null, seen: 0 };

function sum(counts) {
  return Object.values(counts ?? {}).reduce((all, one) => all + one, 0);
}

function sampleOf(stats) {
  return {
    time: Date.now(),
    sessions: stats.sessions.active,
    users: stats.usersOnline,
    creates: stats.requests?.["POST /v1/sessions"] ?? 0,
    denials: sum(stats.denials),
    uptime: stats.uptime,
  };
}

function note(sample) {
  // A gateway that has started anew counts from nothing: what was before can't be compared.
  const last = history.at(-1);
  if (last && sample.uptime < last.uptime) history = [];
  history.push(sample);
  history = history.filter((old) => old.time >= sample.time - KEPT_MS);
}

function tell() {
  for (const listener of listeners) listener(latest);
}

async function look(signal) {
  try {
    const stats = await call("GET", path("stats"), { signal });
    note(sampleOf(stats));
    latest = { stats, failure: null, seen: Date.now() };
  } catch (failure) {
    if (signal.aborted) return;
    latest = { ...latest, failure };
  }
  tell();
}

/** Looks until the signal. Returns a function that looks now. */
export function startStats(signal) {
  history = [];
  latest = { stats: null, failure: null, seen: 0 };
  signal.addEventListener("abort", () => listeners.clear());
  return poll(() => look(signal), PAUSE_MS, signal);
}

/** Calls back with {stats, failure, seen} now and at every look, until the signal. */
export function watchStats(listener, signal) {
  listeners.add(listener);
  signal.addEventListener("abort", () => listeners.delete(listener));
  if (latest.stats || latest.failure) listener(latest);
}

/** The samples of the last minutes, oldest first. */
export function samples() {
  return history;
}

/** {rate, seconds}: how much a counter grew each second, over about the last `ms`; null while nothing can be compared. */
export function growth(member, ms) {
  const last = history.at(-1);
  const first = history.find((sample) => sample.time >= (last?.time ?? 0) - ms);
  if (!first || first === last) return null;
  const seconds = (last.time - first.time) / 1000;
  return { rate: Math.max(0, (last[member] - first[member]) / seconds), seconds };
}
