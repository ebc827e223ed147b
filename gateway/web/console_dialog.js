// Dialogs that ask before something is done. The browser keeps the focus inside, and brings it back.

import { fill, h, newId } from "./console_dom.js";

/** A labelled field; hint is a sentence below it. Returns {row, input}. */
export function field(label, input, hint) {
  const id = newId("field");
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return {
    input,
    row: h("div", { class: "field" },
      h("label", { for: id }, label),
      input,
      hint && h("p", { class: "hint", id: `${id}-hint` }, hint)),
  };
}

/** A choice of [value, text], the first one chosen. */
export function choice(...options) {
  return h("select", {}, options.map(([value, text]) => h("option", { value }, text)));
}

/**
 * Opens a dialog. `confirm` is the button's text, `work` what it does: while it runs the dialog waits, what it
 * throws is shown in the dialog, and where it returns the dialog closes. danger: it can't be undone.
 */
export function ask({ title, text, fields = [], confirm, danger = false, work }) {
  const titleId = newId("title");
  const error = h("div", { role: "alert" });
  const back = document.activeElement;
  const button = h("button", { type: "submit", class: danger ? "danger" : "primary" }, confirm);
  const cancel = h("button", { type: "button", onclick: () => dialog.close() }, "Cancel");
  const form = h("form", { onsubmit: submit },
    h("h2", { id: titleId }, title),
    text && h("p", {}, text),
    fields.map(({ row }) => row),
    error,
    h("div", { class: "buttons" }, cancel, button));
  const dialog = h("dialog", { "aria-labelledby": titleId }, form);

  async function submit(event) {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    fill(error);
    try {
      await work();
      dialog.close();
    } catch (refusal) {
      fill(error, h("p", { class: "error" }, refusal.message));
      button.disabled = false;
    }
  }

  dialog.addEventListener("close", () => {
    dialog.remove();
    // What opened it may be gone, with the stream that was ended.
    if (!back?.isConnected) document.querySelector("main h1")?.focus();
  });
  document.body.append(dialog);
  dialog.showModal();
  (fields[0]?.input ?? (danger ? cancel : button)).focus();
  return dialog;
}
