// Shows the frames of an exception: the newest call first, own code open, libraries folded.

import { h, unfolding } from "./dom.js";
import { number, plural } from "./format.js";
import { isObject, masking, propertyTable, textOf } from "./value.js";

const MOST_FRAMES = 300;
const MOST_OPEN = 5;
const MOST_LINES = 10;
const MOST_VARIABLES = 200;

/** Return the frames of an entry of `$exception_list`, in the order of calls. */
export function framesOf(entry) {
  const frames = isObject(entry.stacktrace) ? entry.stacktrace.frames : null;
  return Array.isArray(frames) ? frames.filter(isObject) : [];
}

/** Return where a frame is, as file and line. */
export function placeOf(frame) {
  return [textOf(frame.filename) || textOf(frame.abs_path) || "unknown", textOf(frame.lineno)].filter(Boolean).join(":");
}

/** Return the view of frames given in the order of calls. */
export function framesView(frames, { isFirst, label }) {
  const newestFirst = [...frames].reverse().slice(0, MOST_FRAMES);
  const runs = runsOf(newestFirst);
  let room = isFirst ? MOST_OPEN : 1;
  const opens = (frame) => hasMore(frame) && room-- > 0;
  const rest = frames.length - newestFirst.length;
  return [
    h("ol", { class: "frames", "aria-label": label }, runs.map(({ kind, members }) =>
      kind === "own" ? members.map((frame) => frameItem(frame, opens(frame))) : foldItem(kind, members, newestFirst[0]))),
    rest > 0 && h("p", { class: "aside" }, `and ${number(rest)} older frames that are not shown`),
  ];
}

/** Part frames into runs of the same kind. Where no frame is the application's, the newest counts as one. */
function runsOf(frames) {
  const hasOwn = frames.some((frame) => !isLibrary(frame));
  const runs = [];
  frames.forEach((frame, index) => {
    const isAgain = index > 0 && isSameCall(frame, frames[index - 1]);
    const kind = isLibrary(frame) && (hasOwn || index > 0) ? "library" : isAgain ? "repeated" : "own";
    if (runs.at(-1)?.kind === kind) runs.at(-1).members.push(frame);
    else runs.push({ kind, members: [frame] });
  });
  return runs;
}

const isLibrary = (frame) => frame.in_app === false;
const isSameCall = (one, other) => placeOf(one) === placeOf(other) && textOf(one.function) === textOf(other.function);

const FOLDS = {
  library: (count) => (count === 1 ? "1 frame of a library" : `${plural(count, "frame")} of libraries`),
  repeated: (count) => `the same call, ${plural(count, "more time")}`,
};

function foldItem(kind, members, newest) {
  const raising = members[0] === newest && [
    h("span", { class: "raising" }, "raised in ", h("code", {}, functionOf(newest))),
    h("span", { class: "place" }, placeOf(newest)),
  ];
  return h("li", { class: "fold" },
    unfolding({}, h("summary", { class: "frame-title" }, h("span", {}, FOLDS[kind](members.length)), raising), () =>
      h("ol", { class: "folded" }, members.map((frame) => frameItem(frame, false)))));
}

function frameItem(frame, open) {
  return h("li", { class: isLibrary(frame) ? "frame library" : "frame ours" }, frameView(frame, open));
}

function frameView(frame, open) {
  const title = [
    h("code", { class: "function" }, functionOf(frame)),
    h("span", { class: "place", title: textOf(frame.abs_path) }, placeOf(frame)),
  ];
  if (!hasMore(frame)) return h("div", { class: "frame-title" }, title);
  return unfolding({ open }, h("summary", { class: "frame-title" }, title), () => [
    hasSource(frame) && sourceView(frame),
    variablesView(frame),
  ]);
}

/** Return the name of a frame's function. */
export const functionOf = (frame) => textOf(frame.function) || "?";

const hasSource = (frame) => typeof frame.context_line === "string" && frame.context_line !== "";
const variablesOf = (frame) => (isObject(frame.code_variables) ? Object.entries(frame.code_variables) : []);
const hasMore = (frame) => hasSource(frame) || variablesOf(frame).length > 0;

function variablesView(frame) {
  const variables = variablesOf(frame);
  const rest = variables.length - MOST_VARIABLES;
  return variables.length > 0 && h("div", { class: "variables" },
    propertyTable(variables.slice(0, MOST_VARIABLES), `Local variables of ${functionOf(frame)}`),
    rest > 0 && h("p", { class: "aside" }, `and ${number(rest)} more`));
}

function sourceView(frame) {
  const before = lines(frame.pre_context).slice(-MOST_LINES);
  const after = lines(frame.post_context).slice(0, MOST_LINES);
  const here = Number.isInteger(frame.lineno) ? frame.lineno : 0;
  const numbered = [
    ...before.map((line, index) => [here - before.length + index, line, false]),
    [here, frame.context_line, true],
    ...after.map((line, index) => [here + index + 1, line, false]),
  ];
  const margin = commonMargin(numbered.map(([, line]) => line));
  return h("pre", { class: "source", tabindex: "0", "aria-label": `Source of ${functionOf(frame)}` }, h("code", {},
    numbered.map(([position, line, isHere]) =>
      h("span", { class: isHere ? "line here" : "line", "aria-current": isHere && "true" },
        h("span", { class: "number" }, here ? String(position) : ""),
        h("span", { class: "code" }, masking(line.slice(margin) || " "))))));
}

function commonMargin(all) {
  const margins = all.filter((line) => line.trim()).map((line) => line.length - line.trimStart().length);
  return margins.length ? Math.min(...margins) : 0;
}

const lines = (value) => (Array.isArray(value) ? value.map(textOf) : []);
