// The operator's console: signs in, then shows the view that the address names.
//
// A view is a function that fills a place and goes on to change it until a signal: when the address changes, or the
// token is refused, the signal of what was shown before ends its calls, polls and feeds.

import { forgetToken, token, whenTokenIsRefused } from "./console_api.js";
import { showBanners } from "./console_banners.js";
import { openFind } from "./console_find.js";
import { openGateway } from "./console_gateway.js";
import { openLive } from "./console_live.js";
import { showLogin } from "./console_login.js";
import { openOverview } from "./console_overview.js";
import { routeOf, to } from "./console_route.js";
import { openSession } from "./console_session.js";
import { openSessions } from "./console_sessions.js";
import { startStats } from "./console_stats.js";
import { openSubject } from "./console_subject.js";
import { openUser } from "./console_user.js";

const VIEWS = {
  overview: { open: openOverview },
  sessions: { open: openSessions },
  live: { open: openLive },
  gateway: { open: openGateway },
  find: { open: openFind, named: true },
  session: { open: openSession, named: true },
  family: { open: (...all) => openSubject("family", ...all), named: true },
  device: { open: (...all) => openSubject("device", ...all), named: true },
  user: { open: openUser, named: true },
};

const $ = (id) => document.getElementById(id);
const main = $("main");
let signedIn = null; // ends what goes on while somebody is signed in
let shown = null; // ends the view

function markNavigation(view) {
  for (const link of document.querySelectorAll("#navigation a")) {
    if (routeOf(link.hash).view === view) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
}

/** Shows the view of the address. Where one moved there the heading gets the focus: keyboards and screen readers go on from it. */
function show(moved) {
  shown?.abort();
  shown = new AbortController();
  const route = routeOf(location.hash);
  const view = VIEWS[route.view];
  if (!view || (view.named && !route.argument)) {
    location.replace(to("overview"));
    return;
  }
  markNavigation(route.view);
  // Each view has a place of its own: what one that has been left still does is seen by nobody.
  const place = document.createElement("div");
  place.className = `view ${route.view}`;
  main.replaceChildren(place);
  view.open(place, route, shown.signal);
  const heading = main.querySelector("h1");
  document.title = `${heading.textContent} · stream-gateway`;
  if (moved) {
    scrollTo(0, 0);
    heading.focus();
  }
}

function signIn(why) {
  shown?.abort();
  signedIn?.abort();
  signedIn = null;
  forgetToken();
  for (const dialog of document.querySelectorAll("dialog")) dialog.close();
  $("top").classList.add("signed-out");
  document.title = "Sign in · stream-gateway";
  showLogin(main, why, () => begin(true));
}

/** moved: somebody did something for it, so that the heading gets the focus. */
function begin(moved) {
  signedIn = new AbortController();
  $("top").classList.remove("signed-out");
  showBanners($("banners"), $("chip"), signedIn.signal);
  startStats(signedIn.signal);
  show(moved);
}

whenTokenIsRefused(() => {
  if (signedIn) signIn("The gateway accepts this token no longer. Sign in with the one that is in force.");
});

$("sign-out").addEventListener("click", () => signIn());

$("search").addEventListener("submit", (event) => {
  event.preventDefault();
  const name = $("search-text").value.trim();
  if (name === "") return;
  $("search-text").value = "";
  const where = to("find", name);
  if (location.hash === where) show(true);
  else location.hash = where;
});

// "/" goes to the search, as on many sites, where nothing is being typed.
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.ctrlKey || event.altKey || event.metaKey || !signedIn) return;
  if (event.target.closest("input, select, textarea, dialog")) return;
  event.preventDefault();
  $("search-text").focus();
});

$("skip").addEventListener("click", (event) => {
  event.preventDefault(); // the address names the view
  (main.querySelector("h1") ?? main).focus();
});

addEventListener("hashchange", () => { if (signedIn) show(true); });

if (token()) begin(false);
else signIn();
