// Shows an exception as it is read: what was raised, then what led to it, each with its frames.

import { h } from "./dom.js";
import { number } from "./format.js";
import { framesOf, framesView } from "./frames.js";
import { isObject, textOf, valueView } from "./value.js";

// PostHog takes 50.
const MOST_LINKS = 100;
const DEEPEST = 3;

/**
 * One exception of a chain.
 * @typedef {{
 *   entry: object, mechanism: object, source: string, parent: ?Link,
 *   depth: number, number: number, members: number,
 * }} Link `source` is how its parent led here; `number` counts the members of a group from 1.
 */

/** Return `$exception_list` as links, parents first; nothing when it is no such list. */
export function readChain(list) {
  if (!Array.isArray(list)) return [];
  const links = [];
  const known = new Map();
  for (const entry of list.filter(isObject).slice(0, MOST_LINKS)) {
    const link = readLink(entry, known, links.at(-1) ?? null);
    const id = textOf(link.mechanism.exception_id);
    if (id && !known.has(id)) known.set(id, link);
    links.push(link);
  }
  return links;
}

function readLink(entry, known, before) {
  const mechanism = isObject(entry.mechanism) ? entry.mechanism : {};
  // Whoever says nothing of a parent means the one before.
  const parent = known.get(textOf(mechanism.parent_id)) ?? before;
  const source = parent ? textOf(mechanism.source) : "";
  const isMember = source === "member";
  if (isMember) parent.members += 1;
  return {
    entry, mechanism, source, parent,
    depth: parent ? parent.depth + (isMember ? 1 : 0) : 0,
    number: isMember ? parent.members : 0,
    members: 0,
  };
}

/** Return the view of an exception's properties, or null when there is no chain among them. */
export function exceptionView(properties) {
  const links = readChain(properties.$exception_list);
  if (links.length === 0) return null;
  const rest = properties.$exception_list.length - links.length;
  return h("section", { class: "exception", "aria-label": "Exception" },
    h("ol", { class: "chain" }, links.map((link, index) => linkView(link, links[index - 1], properties))),
    rest > 0 && h("p", { class: "aside" }, `and ${number(rest)} more that are not shown`));
}

function linkView(link, before, properties) {
  const { entry, mechanism } = link;
  const frames = framesOf(entry);
  const message = textOf(entry.value);
  return h("li", { class: "link", "data-depth": String(Math.min(link.depth, DEEPEST)) },
    before && h("p", { class: "relation" }, relationOf(link, before)),
    h("h3", {},
      textOf(entry.module) && h("span", { class: "module" }, `${textOf(entry.module)}.`),
      typeOf(link),
      tagsOf(link, before ? "" : textOf(properties.$exception_level))),
    message && h("p", { class: "message" }, valueView(message)),
    !before && leftOutView(properties.$suppressed_count),
    mechanism.synthetic === true && frames.length > 0 && h("p", { class: "aside" }, "It has no traceback of its own: this is where it was reported."),
    frames.length > 0 && framesView(frames, { isFirst: !before, label: `Frames of ${typeOf(link)}, newest first` }));
}

/** Return what an exception is called. */
export const typeOf = (link) => textOf(link.entry.type) || "exception";

const RELATIONS = {
  cause: ["caused by", "was caused by"],
  context: ["while handling", "was raised while handling"],
};

function relationOf(link, before) {
  if (link.source === "member") return `member of ${typeOf(link.parent)}, ${link.number} of ${link.parent.members}`;
  if (!Object.hasOwn(RELATIONS, link.source)) return "then";
  const [next, elsewhere] = RELATIONS[link.source];
  return link.parent === before ? next : `${typeOf(link.parent)} ${elsewhere}`;
}

const HANDLED = new Map([[true, "handled"], [false, "unhandled"]]);

function tagsOf(link, level) {
  return [HANDLED.get(link.mechanism.handled), level].filter(Boolean).map((word) => [" ", h("span", { class: "tag", "data-tag": word }, word)]);
}

function leftOutView(count) {
  if (!Number.isInteger(count) || count <= 0) return null;
  return h("p", { class: "left-out" }, count === 1 ? "1 more like this was left out." : `${number(count)} more like this were left out.`);
}
