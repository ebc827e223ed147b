// Finds what goes by a name: a family, a device, a user, a title, one stream.

import { call, path, withQuery } from "./console_api.js";
import { fill, h } from "./console_dom.js";
import { to } from "./console_route.js";
import { count } from "./console_time.js";

const SESSION_ID = /^[A-Za-z0-9_-]{22}$/;
const ENOUGH = 100;

async function streamsOf(member, name, signal) {
  const { sessions, cursor } = await call("GET", withQuery(path("sessions"), { [member]: name, limit: ENOUGH }), { signal });
  return { number: sessions.length, more: cursor !== null };
}

function streamsText({ number, more }) {
  return more ? `more than ${count(number, "stream")}` : count(number, "stream");
}

/** A family or device that something is known of. */
async function findSubject(plural, view, word, name, signal) {
  const subject = await call("GET", path(plural, name), { signal });
  const refusals = subject.events.filter((event) => event.type === "denied").length;
  const known = subject.sessions.length > 0 || subject.events.length > 0 || subject.blocked || subject.limits?.source === "override";
  return known && {
    href: to(view, name),
    word,
    text: [count(subject.sessions.length, "stream"), subject.blocked && "blocked", refusals > 0 && `${count(refusals, "refusal")} lately`]
      .filter(Boolean).join(", "),
  };
}

async function findSession(name, signal) {
  if (!SESSION_ID.test(name)) return null;
  try {
    const session = await call("GET", path("sessions", name), { signal });
    return { href: to("session", name), word: "Session", text: `${session.userId} watches ${session.mediaTitle || session.mediaId}` };
  } catch (refusal) {
    if (refusal.status === 404 || refusal.status === 410) return null;
    throw refusal;
  }
}

async function findUser(name, signal) {
  const found = await streamsOf("user", name, signal);
  return found.number > 0 && { href: to("user", name), word: "User", text: streamsText(found) };
}

async function findTitle(name, signal) {
  const found = await streamsOf("media", name, signal);
  return found.number > 0 && { href: to("sessions", undefined, { media: name }), word: "Title", text: `watched in ${streamsText(found)}` };
}

function nothing(name) {
  return h("div", { class: "empty-box" },
    h("p", {}, "Nothing is known by this name. Ids are compared as a whole, and capitals count."),
    h("p", {}, "Somebody who was refused and watches nothing now is still known by what happened: ",
      h("a", { href: to("user", name) }, "events of this user"), " in the last hour, ",
      h("a", { href: to("family", name) }, "of this family"), ", ",
      h("a", { href: to("device", name) }, "of this device"), "."));
}

export async function openFind(place, route, signal) {
  const name = route.argument;
  const results = h("div", { "aria-live": "polite" }, h("p", { class: "status" }, "Looking…"));
  fill(place, h("h1", { tabindex: -1 }, h("span", { class: "kind" }, "Found for"), " ", name), results);
  try {
    const found = (await Promise.all([
      findSession(name, signal),
      findSubject("families", "family", "Family", name, signal),
      findUser(name, signal),
      findSubject("devices", "device", "Device", name, signal),
      findTitle(name, signal),
    ])).filter(Boolean);
    if (found.length === 1) {
      location.replace(found[0].href);
      return;
    }
    fill(results, found.length === 0 ? nothing(name) : h("ul", { class: "found" },
      found.map(({ href, word, text }) => h("li", {}, h("a", { href }, `${word} ${name}`), h("span", { class: "sub" }, text)))));
  } catch (refusal) {
    if (!signal.aborted) fill(results, h("p", { class: "error" }, refusal.message, " Search again in a moment."));
  }
}
