// A table of streams: who watches what, where, since when; with a button that ends each.

import { endStream } from "./console_actions.js";
import { h, keepInStep, setText } from "./console_dom.js";
import { to } from "./console_route.js";
import { ago, duration, exact, setAgo } from "./console_time.js";

const SILENT_S = 90; // from then on a stream gives way to one that needs its place

function link(view, id, text) {
  return h("a", { href: to(view, id) }, text ?? id);
}

/** The columns: head, the class of its cells, and what stands in them. */
const COLUMNS = {
  title: ["Title", (session) => [
    link("session", session.sessionId, session.mediaTitle || session.mediaId),
    session.mediaTitle && h("span", { class: "sub" }, session.mediaId),
  ]],
  family: ["Family", (session) => link("family", session.familyId)],
  user: ["User", (session) => link("user", session.userId)],
  device: ["Device", (session) => [
    link("device", session.deviceId, session.deviceName || session.deviceId),
    (session.deviceName || session.platform) && h("span", { class: "sub" },
      [session.deviceName && session.deviceId, session.platform].filter(Boolean).join(" · ")),
  ]],
};

function idleText(session) {
  return session.idleSeconds < 1 ? "just now" : `${duration(session.idleSeconds)} ago`;
}

function change(row, session) {
  const idle = row.querySelector(".idle");
  setText(idle, idleText(session));
  idle.classList.toggle("silent", session.idleSeconds > SILENT_S);
  idle.title = exact(Date.parse(session.lastHeartbeat))
    + (session.idleSeconds > SILENT_S ? "; silent: it gives way where its place is needed" : "");
  setAgo(row.querySelector("time"), session.startedAt);
  // A zap changes the title of a stream that goes on.
  const title = row.querySelector("[data-column=title]");
  if (title && title.dataset.media !== `${session.mediaId} ${session.mediaTitle}`) {
    title.dataset.media = `${session.mediaId} ${session.mediaTitle}`;
    title.replaceChildren(...COLUMNS.title[1](session).filter(Boolean));
  }
}

/**
 * A table: {element, show(sessions)}. columns: which of title, family, user and device; done is called when a stream
 * has been ended here.
 */
export function newStreamTable(columns, caption, done) {
  const body = h("tbody", {});
  const element = h("div", { class: "table-box" },
    h("table", {},
      h("caption", { class: "unseen" }, caption),
      h("thead", {}, h("tr", {},
        columns.map((name) => h("th", { scope: "col" }, COLUMNS[name][0])),
        h("th", { scope: "col" }, "Started"),
        h("th", { scope: "col" }, "Last sign of life"),
        h("th", { scope: "col" }, h("span", { class: "unseen" }, "Actions")))),
      body));

  function make(session) {
    const row = h("tr", {},
      columns.map((name) => h("td", { "data-label": COLUMNS[name][0], "data-column": name,
        "data-media": name === "title" && `${session.mediaId} ${session.mediaTitle}` }, COLUMNS[name][1](session))),
      h("td", { "data-label": "Started" }, ago(session.startedAt)),
      h("td", { "data-label": "Last sign of life" }, h("span", { class: "idle" })),
      h("td", { class: "actions" }, h("button", {
        type: "button",
        class: "danger small",
        "aria-label": `End ${session.mediaTitle || session.mediaId} of ${session.userId}`,
        onclick: () => endStream(session, done),
      }, "End")));
    change(row, session);
    return row;
  }

  return { element, show: (sessions) => keepInStep(body, sessions, (session) => session.sessionId, make, change) };
}
