// Builds and changes the page. Ids and names come from strangers: whatever is shown gets in as text.

const SVG = "http://www.w3.org/2000/svg";

// Sets attributes: a function is a listener ("onclick"), true an empty value, null and false nothing.
function dress(element, attributes) {
  for (const [name, value] of Object.entries(attributes ?? {})) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value);
  }
  return element;
}

// What append() takes: lists are flattened, what is absent is left out.
function flat(children) {
  return children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false);
}

/** An element with attributes and children: elements, texts, lists of both. */
export function h(tag, attributes, ...children) {
  const element = dress(document.createElement(tag), attributes);
  element.append(...flat(children));
  return element;
}

/** The same for SVG. */
export function s(tag, attributes, ...children) {
  const element = dress(document.createElementNS(SVG, tag), attributes);
  element.append(...flat(children));
  return element;
}

/** Puts children in the place of what a parent has. */
export function fill(parent, ...children) {
  parent.replaceChildren(...flat(children));
}

/** Changes a text only where it differs: screen readers say a live region again at every change. */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}

/**
 * Makes a parent's children those of the items, in their order. What has been there stays the same element, so
 * that focus and selection survive: `make(item)` builds one, `change(element, item)` brings one up to date.
 */
export function keepInStep(parent, items, keyOf, make, change) {
  const before = new Map([...parent.children].map((element) => [element.dataset.key, element]));
  let place = parent.firstElementChild;
  for (const item of items) {
    const key = String(keyOf(item));
    let element = before.get(key);
    before.delete(key);
    if (element) {
      change?.(element, item);
    } else {
      element = make(item);
      element.dataset.key = key;
    }
    if (element === place) place = place.nextElementSibling;
    else parent.insertBefore(element, place);
  }
  for (const gone of before.values()) gone.remove();
}

let serial = 0;

/** An id that no other element has. */
export function newId(word) {
  serial += 1;
  return `${word}-${serial}`;
}

/** Tells everybody, also those who can't see it, what has just come about. */
export function announce(text) {
  const place = document.getElementById("notices");
  const notice = h("p", { class: "notice" }, text);
  place.append(notice);
  while (place.children.length > 3) place.firstElementChild.remove();
  setTimeout(() => notice.remove(), 8000);
}
