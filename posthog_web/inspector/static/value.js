// Shows any JSON value; what is nested or long opens on demand.

import { h, unfolding } from "./dom.js";
import { number, plural } from "./format.js";

/** A number that JavaScript would round or rewrite, kept as it was sent. */
class Exact {
  constructor(source) { this.source = source; }
}

/** Return the value of a JSON text, with its numbers as they were sent where the browser can tell. */
export function readExactly(text) {
  return JSON.parse(text, (_key, value, context) =>
    typeof value === "number" && context?.source !== undefined && String(value) !== context.source
      ? new Exact(context.source) : value);
}

/** Return whether a value is a JSON object. */
export const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof Exact);

/** Return a JSON value as text: empty where there is none, JSON where it is nested. */
export function textOf(value) {
  if (value === null || value === undefined) return "";
  if (value instanceof Exact) return value.source;
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}

// Ours, and that of other libraries.
const MASKED = /(\$\$_posthog_redacted\w{0,60}\$\$)/;

/** Return a text as children of an element, with short marks for what was masked in it. */
export function masking(text) {
  return text.split(MASKED).map((part, index) =>
    (index % 2 ? h("span", { class: "masked", title: part }, "masked") : part));
}

const LONGEST_TEXT = 600;
const MOST_MEMBERS = 200;

/** Return an element that shows a JSON value. */
export function valueView(value, open = false) {
  if (value === null) return h("span", { class: "json-null" }, "null");
  if (value instanceof Exact) return h("span", { class: "json-number" }, value.source);
  if (Array.isArray(value)) {
    return nested(value.map((item, index) => [index, item]), plural(value.length, "item"), "[ ]", open);
  }
  switch (typeof value) {
    case "object": {
      const members = Object.entries(value);
      return nested(members, plural(members.length, "key"), "{ }", open);
    }
    case "string": return textView(value);
    case "number": return h("span", { class: "json-number" }, String(value));
    default: return h("span", { class: "json-boolean" }, String(value));
  }
}

function textView(text) {
  if (text === "") return h("span", { class: "json-null" }, "empty text");
  if (text.length <= LONGEST_TEXT) return h("span", { class: "json-text" }, masking(text));
  const span = h("span", { class: "json-text" }, masking(text.slice(0, LONGEST_TEXT)), "… ");
  const more = h("button", { type: "button", class: "more", onclick: () => span.replaceChildren(...masking(text)) },
    `show all ${number(text.length)} characters`);
  span.append(more);
  return span;
}

function nested(members, size, brackets, open) {
  if (members.length === 0) return h("span", { class: "json-null" }, brackets);
  return unfolding({ class: "json", open },
    h("summary", {}, h("span", { class: "json-brackets" }, brackets), ` ${size}`),
    () => membersView(members, 0));
}

function membersView(members, from) {
  const shown = members.slice(from, from + MOST_MEMBERS);
  const list = h("dl", {}, shown.map(([key, value]) =>
    h("div", {}, h("dt", {}, String(key)), h("dd", {}, valueView(value)))));
  const rest = members.length - from - shown.length;
  if (rest > 0) {
    const more = h("button", { type: "button", class: "more",
      onclick: () => more.replaceWith(membersView(members, from + MOST_MEMBERS)) },
      `show ${number(rest)} more`);
    list.append(more);
  }
  return list;
}

/** Return a table of properties, or null when there are none. */
export function propertyTable(entries, label) {
  if (entries.length === 0) return null;
  return h("table", { class: "properties", "aria-label": label },
    h("tbody", {}, entries.map(([key, value]) =>
      h("tr", {}, h("th", { scope: "row" }, key), h("td", {}, valueView(value))))));
}
