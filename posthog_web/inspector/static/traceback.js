// Writes an exception as Python prints it: the root cause first, the newest call last.

import { readChain, typeOf } from "./exception.js";
import { framesOf, functionOf } from "./frames.js";
import { textOf } from "./value.js";

const BETWEEN = {
  cause: "The above exception was the direct cause of the following exception:",
  context: "During handling of the above exception, another exception occurred:",
};

/** Return `$exception_list` as the text of a traceback. */
export function tracebackText(list) {
  const links = readChain(list);
  return links.length ? writeLink(links[0], links).join("\n") : "";
}

function writeLink(link, links) {
  const children = links.filter((other) => other.parent === link);
  const earlier = children.filter((child) => child.source !== "member");
  const members = children.filter((child) => child.source === "member");
  return [
    ...earlier.flatMap((child) => [
      ...writeLink(child, links), "",
      Object.hasOwn(BETWEEN, child.source) ? BETWEEN[child.source] : "Then:", "",
    ]),
    ...writeStack(link.entry),
    ...writeTitle(link),
    ...members.flatMap((member) => [`  +---------------- ${member.number} ----------------`, ...writeLink(member, links).map((line) => `  | ${line}`)]),
  ];
}

function writeStack(entry) {
  const frames = framesOf(entry);
  return frames.length === 0 ? [] : ["Traceback (most recent call last):", ...frames.flatMap((frame) => [
    `  File "${textOf(frame.abs_path) || textOf(frame.filename) || "unknown"}", line ${textOf(frame.lineno) || "?"}, in ${functionOf(frame)}`,
    ...(textOf(frame.context_line).trim() ? [`    ${textOf(frame.context_line).trim()}`] : []),
  ])];
}

function writeTitle(link) {
  const module = textOf(link.entry.module);
  const message = textOf(link.entry.value);
  return `${module ? `${module}.` : ""}${typeOf(link)}${message ? `: ${message}` : ""}`.split("\n");
}
