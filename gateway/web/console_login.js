// Asks for the admin token, tries it, and says clearly what is wrong with it.

import { call, forgetToken, keepToken, path } from "./console_api.js";
import { field } from "./console_dialog.js";
import { fill, h } from "./console_dom.js";
import { duration } from "./console_time.js";

const HEADER_TEXT = /^[\x21-\x7e]+$/;

function wrong(refusal) {
  if (refusal.status === 401) return "This token isn't accepted. Is it the admin token of this gateway, copied whole?";
  return refusal.message;
}

/** Shows how long to wait, and lets nobody try before. */
function countDown(seconds, error, button) {
  let left = seconds;
  button.disabled = true;
  fill(error, h("p", { class: "error" },
    "Too many wrong tokens came from this address. Wait ", h("span", {}, duration(left)), ", then try again."));
  const timer = setInterval(() => {
    left -= 1;
    if (left > 0 && error.isConnected) {
      error.querySelector("span").textContent = duration(left);
      return;
    }
    clearInterval(timer);
    button.disabled = false;
    fill(error);
  }, 1000);
}

/** Shows the form in a place; `why` says why one has to sign in again, if it is so. Calls `done` with a good token. */
export function showLogin(place, why, done) {
  const { input, row } = field("Admin token",
    h("input", { type: "password", autocomplete: "off", required: true, spellcheck: "false" }),
    "What the setting admin.token says, without the name before its colon. Where it isn't set, the gateway made one at "
      + "its first start, and keeps it in its state folder: the file admin.token.");
  const error = h("div", { role: "alert" }, why && h("p", { class: "error" }, why));
  const button = h("button", { type: "submit", class: "primary" }, "Sign in");

  async function submit(event) {
    event.preventDefault();
    const text = input.value.trim();
    if (!HEADER_TEXT.test(text)) {
      fill(error, h("p", { class: "error" }, "A token has neither spaces nor letters beyond ASCII in it."));
      return;
    }
    button.disabled = true;
    fill(error);
    try {
      await call("GET", path("stats"), { as: text });
      keepToken(text);
      done();
    } catch (refusal) {
      forgetToken();
      button.disabled = false;
      if (refusal.status === 429) countDown(refusal.retryAfter || 1, error, button);
      else fill(error, h("p", { class: "error" }, wrong(refusal)));
      input.select();
    }
  }

  fill(place, h("form", { class: "login card", onsubmit: submit },
    h("h1", { tabindex: -1 }, "Sign in"),
    row, error, button,
    h("p", { class: "hint" }, "The token is kept for this tab until it is closed, or until you sign out.")));
  input.focus();
}
