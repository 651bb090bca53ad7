// One line of the list, for an event or a request.

import { glyph, h, kindOf } from "./dom.js";
import { sizeText, statusView } from "./detail.js";
import { plural, timeOfDay } from "./format.js";

/** Return the row of an event. */
export function eventRow(event) {
  const kind = kindOf(event.name);
  return h("li", { "data-key": event.uuid, "data-kind": kind },
    h("button", { type: "button", class: "row" },
      glyph(kind),
      h("span", { class: "name" }, event.name || "no name"),
      event.hint && h("span", { class: "hint" }, event.hint),
      h("span", { class: "end" },
        event.deliveries > 1 && h("span", { class: "again", title: `Delivered ${event.deliveries} times` }, `×${event.deliveries}`),
        event.problems.length > 0 && h("span", { class: "warning", role: "img", "aria-label": plural(event.problems.length, "problem"), title: event.problems.join("\n") }, "!"),
        h("time", {}, timeOfDay(event.received_at))),
      h("span", { class: "below" },
        h("span", { class: event.personless ? "person anonymous" : "person" },
          event.personless ? "anonymous" : event.distinct_id || "nobody"),
        h("span", { class: "place", title: [event.place, event.library].filter(Boolean).join("\n") }, event.place || event.library))));
}

/** Return the row of a request. */
export function requestRow(request) {
  return h("li", { "data-key": `request-${request.id}`, "data-kind": "request" },
    h("button", { type: "button", class: "row" },
      glyph("request"),
      h("span", { class: "name" }, request.path),
      h("span", { class: "hint" }, plural(request.events, "event")),
      h("span", { class: "end" }, statusView(request), h("time", {}, timeOfDay(request.received_at))),
      h("span", { class: "below" },
        h("span", { class: "person" }, request.user_agent),
        h("span", { class: "place" }, sizeText(request)))));
}
