// Shows an exception: what was raised, what caused it, and where, with the source.

import { h } from "./dom.js";
import { valueView } from "./value.js";

const RELATIONS = {
  cause: "caused by",
  context: "while handling",
  member: "member of the group",
};

/** Return the view of `$exception_list`, or null when it is not one. */
export function exceptionView(chain) {
  if (!Array.isArray(chain) || chain.length === 0) return null;
  return h("section", { class: "chain", "aria-label": "Exception" },
    chain.filter(isObject).map((link, index) => linkView(link, index)));
}

function linkView(link, index) {
  const mechanism = isObject(link.mechanism) ? link.mechanism : {};
  const frames = isObject(link.stacktrace) && Array.isArray(link.stacktrace.frames)
    ? link.stacktrace.frames.filter(isObject) : [];
  const relation = Object.hasOwn(RELATIONS, mechanism.source) ? RELATIONS[mechanism.source] : "then";
  const handled = mechanism.handled === false && "unhandled";
  return h("section", { class: "link" },
    index > 0 && h("p", { class: "relation" }, relation),
    h("h3", {}, text(link.type) || "exception", handled && h("span", { class: "tag" }, handled)),
    text(link.value) && h("p", { class: "message" }, text(link.value)),
    frames.length > 0 && framesView(frames, index === 0));
}

function framesView(frames, isFirst) {
  // The newest call is what one wants to see first; libraries send it last.
  const newestFirst = [...frames].reverse();
  const opened = newestFirst.find((frame) => frame.in_app !== false && hasSource(frame));
  return h("ol", { class: "frames" }, newestFirst.map((frame) =>
    h("li", { class: frame.in_app === false ? "frame library" : "frame ours" },
      frameView(frame, isFirst ? frame.in_app !== false && hasSource(frame) : frame === opened))));
}

function frameView(frame, open) {
  const place = [text(frame.filename) || text(frame.abs_path) || "unknown", text(frame.lineno)]
    .filter(Boolean).join(":");
  const title = [
    h("code", { class: "function" }, text(frame.function) || "?"),
    h("span", { class: "place", title: text(frame.abs_path) }, place),
  ];
  const variables = isObject(frame.code_variables) ? frame.code_variables : null;
  if (!hasSource(frame) && !variables) return h("div", { class: "frame-title" }, title);
  return h("details", { open },
    h("summary", { class: "frame-title" }, title),
    hasSource(frame) && sourceView(frame),
    variables && h("div", { class: "variables" }, h("span", {}, "variables"), valueView(variables, true)));
}

function sourceView(frame) {
  const before = lines(frame.pre_context);
  const after = lines(frame.post_context);
  const number = Number.isInteger(frame.lineno) ? frame.lineno : 0;
  const numbered = [
    ...before.map((line, index) => [number - before.length + index, line, false]),
    [number, text(frame.context_line), true],
    ...after.map((line, index) => [number + index + 1, line, false]),
  ];
  const margin = commonMargin(numbered.map(([, line]) => line));
  return h("pre", { class: "source", tabindex: "0", "aria-label": "Source" }, h("code", {},
    numbered.map(([position, line, isHere]) =>
      h("span", { class: isHere ? "line here" : "line" },
        h("span", { class: "number" }, number ? String(position) : ""),
        h("span", { class: "code" }, line.slice(margin) || " ")))));
}

function commonMargin(all) {
  const margins = all.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length);
  return margins.length ? Math.min(...margins) : 0;
}

const hasSource = (frame) => typeof frame.context_line === "string" && frame.context_line !== "";
const lines = (value) => (Array.isArray(value) ? value.map(text) : []);
const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);

function text(value) {
  if (value === null || value === undefined) return "";
  return typeof value === "object" ? JSON.stringify(value) : String(value);
}
