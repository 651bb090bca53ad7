// Shows one event, or one request, in full.

import { copy, glyph, h, kindOf } from "./dom.js";
import { exceptionView } from "./exception.js";
import { bytes, fullMoment, lag, plural, timeOfDay } from "./format.js";
import { tracebackText } from "./traceback.js";
import { isObject, propertyTable, readExactly, textOf } from "./value.js";

/** Return the parts that show one event. */
export function eventView(found) {
  const event = readExactly(found.source);
  const properties = isObject(event.properties) ? event.properties : {};
  const exception = found.name === "$exception" ? exceptionView(properties) : null;
  // Protocol v1 and browsers have them among the properties.
  const inside = ON_PERSON.filter((key) => isObject(properties[key]) && !isObject(event[key]));
  const onPerson = (key) => objectEntries(inside.includes(key) ? properties[key] : event[key]);
  const all = Object.entries(properties).filter(([key]) => !((exception && key === "$exception_list") || inside.includes(key)));
  const isOwn = ([key]) => !key.startsWith("$");
  const beside = Object.entries(event).filter(([key, value]) => !(SHOWN.has(key) || (OBJECTS.has(key) && isObject(value))));
  return [
    headView(found, event, properties, exception !== null),
    problemsView(found.problems),
    exception,
    group("Properties", all.filter(isOwn)),
    group("Set on the person", onPerson("$set"), "$set"),
    group("Set once on the person", onPerson("$set_once"), "$set_once"),
    group("Beside the properties", beside),
    quietGroup("Set by PostHog", all.filter((entry) => !isOwn(entry))),
    carriersView(found),
  ];
}

const SHOWN = new Set(["event", "distinct_id", "timestamp", "uuid"]);
const ON_PERSON = ["$set", "$set_once"];
const OBJECTS = new Set(["properties", ...ON_PERSON]);

function copyButton(label, write, attributes = {}) {
  const button = h("button", { type: "button", class: "plain", onclick: () => copy(write(), button), ...attributes }, label);
  return button;
}

function headView(found, event, properties, isException) {
  const sent = event.timestamp;
  return h("header", { class: "event-head", "data-kind": kindOf(found.name) },
    h("div", { class: "title" },
      glyph(kindOf(found.name)),
      h("h2", {}, found.name || "an event without a name"),
      isException && copyButton("Copy traceback", () => tracebackText(properties.$exception_list)),
      copyButton("Copy JSON", () => found.source, { id: "copy" })),
    h("dl", { class: "facts" },
      fact("Person", found.personless
        ? [h("span", { class: "anonymous" }, "anonymous"), " ", h("code", {}, found.distinct_id)]
        : h("code", {}, found.distinct_id || "nobody")),
      fact("Time", [
        h("time", {}, sent === undefined || sent === null ? timeOfDay(found.received_at) : fullMoment(sent)),
        typeof sent === "string" && h("span", { class: "aside" }, lag(sent, found.received_at))]),
      requestFact(properties),
      isException && textOf(properties.$exception_source) && fact("Seen by", h("code", {}, textOf(properties.$exception_source))),
      fact("UUID", h("code", {}, found.uuid)),
      found.library && fact("Library", found.library),
      found.deliveries > 1 && fact("Delivered", h("strong", { class: "again" }, `${found.deliveries} times`))));
}

function requestFact(properties) {
  const path = textOf(properties.$request_path) || textOf(properties.$pathname);
  const route = textOf(properties.$request_route);
  const status = textOf(properties.$response_status_code);
  const method = textOf(properties.$request_method);
  if (!method && !status) return null;
  return fact("Request",
    h("code", {}, [method, path].filter(Boolean).join(" ")),
    status && [" ", h("span", { class: Number(status) >= 500 ? "status refused" : "status" }, status)],
    route && route !== path && [" ", h("span", { class: "aside" }, "route ", h("code", {}, route))]);
}

function fact(name, ...content) {
  return h("div", {}, h("dt", {}, name), h("dd", {}, content));
}

function problemsView(problems) {
  if (problems.length === 0) return null;
  return h("section", { class: "problems", "aria-label": "Problems" },
    h("ul", {}, problems.map((problem) => h("li", {}, sentence(problem)))));
}

// Names stand in backticks.
function sentence(text) {
  return text.split("`").map((part, index) => (index % 2 ? h("code", {}, part) : part));
}

function group(title, entries, key = null) {
  if (entries.length === 0) return null;
  return h("section", { class: "group" },
    h("h3", {}, title, key && h("code", {}, key)),
    propertyTable(entries, title));
}

function quietGroup(title, entries) {
  if (entries.length === 0) return null;
  return h("details", { class: "group quiet", open: true },
    h("summary", {}, h("h3", {}, title), h("span", { class: "aside" }, plural(entries.length, "property").replace("propertys", "properties"))),
    propertyTable(entries, title));
}

function carriersView(found) {
  if (found.requests.length === 0) return null;
  return h("details", { class: "group quiet", open: found.requests.length > 1 },
    h("summary", {}, h("h3", {}, "Sent in"), h("span", { class: "aside" }, plural(found.requests.length, "request"))),
    h("ol", { class: "carriers" }, found.requests.map((request) =>
      h("li", {}, h("time", {}, timeOfDay(request.received_at)), statusView(request),
        h("span", {}, `${request.path} with ${plural(request.events, "event")}`),
        h("span", { class: "aside" }, sizeText(request))))));
}

/** Return the mark of what a request was answered. */
export function statusView(request) {
  const taken = request.status === 200;
  return h("span", { class: taken ? "status taken" : "status refused" }, request.status === null ? "closed" : String(request.status));
}

/** Return the size of a request on the wire, and what it was before compression. */
export function sizeText(request) {
  const isPacked = request.plain_bytes > 0 && request.plain_bytes !== request.wire_bytes;
  return isPacked ? `${bytes(request.plain_bytes)} as ${bytes(request.wire_bytes)} ${request.content_encoding || "gzip"}` : bytes(request.wire_bytes);
}

function attemptFact(headers) {
  const attempt = headers["posthog-attempt"];
  return attempt && fact("Attempt", attempt, h("span", { class: "aside" }, `of request ${headers["posthog-request-id"] ?? "without an id"}`));
}

/** Return the parts that show one request; `select` is called with the uuid of an event. */
export function requestView(request, select) {
  return [
    h("header", { class: "event-head", "data-kind": "request" },
      h("div", { class: "title" }, glyph("request"), h("h2", {}, `POST ${request.path}`), statusView(request)),
      h("dl", { class: "facts" },
        fact("Time", h("time", {}, fullMoment(request.received_at * 1000))),
        fact("Answer", request.status === null ? "the connection was closed" : String(request.status),
          request.scripted && h("span", { class: "aside" }, "scripted")),
        fact("Size", sizeText(request)),
        fact("Client", request.user_agent || "unnamed"),
        attemptFact(request.headers))),
    request.detail && h("section", { class: "problems" }, h("ul", {}, h("li", {}, sentence(request.detail)))),
    request.uuids.length > 0 && h("section", { class: "group" },
      h("h3", {}, request.status === 200 ? "Events" : "Events it carried"),
      h("ol", { class: "uuids" }, request.uuids.slice(0, 200).map((uuid) =>
        h("li", {}, h("button", { type: "button", class: "more", onclick: () => select(uuid) }, uuid)))),
      request.uuids.length > 200 && h("p", { class: "aside" }, `and ${request.uuids.length - 200} more`)),
  ];
}

const objectEntries = (value) => (isObject(value) ? Object.entries(value) : []);
