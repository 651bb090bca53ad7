// The page: a list that grows as events arrive, and one of them in full beside it.

import { copy, h } from "./dom.js";
import { eventView, requestView } from "./detail.js";
import { number } from "./format.js";
import { outageControl } from "./outage.js";
import { pulse } from "./pulse.js";
import { eventRow, requestRow } from "./rows.js";

// More rows than this are not kept in the document; older ones are asked for.
const PAGE = 300;

const at = (id) => document.getElementById(id);
const rows = at("rows");
const detail = at("detail");
const filter = at("filter");

let view = "events";
let total = 0;
let newestId = 0;
let room = PAGE;
let selected = null;
let position = "";
const items = new Map();
const requests = new Map();

const outage = outageControl(at("outage"), at("notice"));
const beat = pulse(at("pulse").querySelector("path"));

// ── The list ────────────────────────────────────────────────────────────────

async function load() {
  const query = new URLSearchParams({ summary: "1", order: "newest", limit: String(room + 1) });
  const text = filter.value.trim();
  if (text) query.set("text", text);
  const listing = await getJSON(`/api/events?${query}`);
  if (view !== "events" || filter.value.trim() !== text) return null;
  total = listing.total;
  const [newest] = text ? [] : listing.events;
  newestId = Math.max(newestId, newest?.id ?? 0);
  items.clear();
  for (const event of listing.events.slice(0, room)) items.set(event.uuid, event);
  rows.replaceChildren(...[...items.values()].map(eventRow));
  at("older").hidden = listing.events.length <= room;
  mark();
  tell();
  return listing.position;
}

async function loadRequests() {
  const listing = await getJSON(`/api/requests?limit=${PAGE}`);
  requests.clear();
  for (const request of listing.requests) requests.set(request.id, request);
  if (view !== "requests") return;
  rows.replaceChildren(...[...requests.values()].reverse().map(requestRow));
  at("older").hidden = true;
  mark();
  tell();
}

// Events come in bursts; each frame draws what has gathered since the last one.
const arrived = [];

function arrive(event) {
  if (event.id > newestId) {
    newestId = event.id;
    total += 1;
    beat();
  }
  arrived.push(event);
  if (arrived.length === 1) requestAnimationFrame(drawArrived);
}

function drawArrived() {
  const fresh = arrived.splice(0);
  if (fresh.some((event) => event.uuid === selected)) showSelected();
  if (view !== "events") tell();
  else if (filter.value.trim()) reloadSoon();
  else drawEvents(fresh);
}

function drawEvents(fresh) {
  const added = document.createDocumentFragment();
  const shown = fresh.slice(-room);
  for (const event of shown) {
    const known = items.get(event.uuid);
    items.set(event.uuid, event);
    const row = eventRow(event);
    row.classList.add("fresh");
    if (known) (rowOf(event.uuid) ?? row).replaceWith(row);
    else added.prepend(row);
  }
  rows.prepend(added);
  while (rows.children.length > room) {
    items.delete(rows.lastElementChild.dataset.key);
    rows.lastElementChild.remove();
    at("older").hidden = false;
  }
  mark();
  tell();
  if (selected === null && !location.hash && shown.length) select(shown[shown.length - 1].uuid);
}

function arriveRequest(request) {
  requests.set(request.id, request);
  if (requests.size > PAGE) requests.delete(requests.keys().next().value);
  if (request.scripted) refreshOutageSoon();
  if (view !== "requests") return;
  const row = requestRow(request);
  row.classList.add("fresh");
  rows.prepend(row);
  while (rows.children.length > PAGE) rows.lastElementChild.remove();
  tell();
}

function forget() {
  newestId = 0;
  total = 0;
  items.clear();
  requests.clear();
  arrived.length = 0;
  rows.replaceChildren();
  at("older").hidden = true;
  select(null);
  tell();
}

function tell() {
  at("count").textContent = number(total);
  at("count-word").textContent = total === 1 ? "event" : "events";
  document.title = total ? `${number(total)} · Inspector` : "Inspector";
  const isEmpty = total === 0 && requests.size === 0 && view === "events";
  document.body.classList.toggle("empty", isEmpty);
  const none = at("none");
  none.hidden = rows.children.length > 0 || isEmpty;
  none.textContent = view === "requests" ? "No request has arrived yet."
    : filter.value.trim() ? "No event matches." : "No event has arrived; the requests say why.";
  if (isEmpty && !detail.querySelector(".welcome")) detail.replaceChildren(welcome());
  if (!isEmpty && detail.querySelector(".welcome")) showSelected();
}

// ── The one selected ────────────────────────────────────────────────────────

function rowOf(key) {
  return rows.querySelector(`[data-key="${CSS.escape(key)}"]`);
}

function mark() {
  rows.querySelector("[aria-current]")?.removeAttribute("aria-current");
  if (selected) rowOf(selected)?.firstElementChild.setAttribute("aria-current", "true");
}

function select(key, { focus = false } = {}) {
  selected = key;
  const hash = key ? `#${key}` : location.pathname;
  history.replaceState(null, "", hash);
  document.body.classList.toggle("open", key !== null);
  mark();
  const button = key ? rowOf(key)?.firstElementChild : null;
  if (focus) button?.focus({ preventScroll: true });
  button?.scrollIntoView({ block: "nearest" });
  detail.scrollTop = 0;
  return showSelected();
}

async function showSelected() {
  const key = selected;
  if (key === null) {
    if (!document.body.classList.contains("empty")) detail.replaceChildren(h("p", { class: "choose" }, "Choose an event to read it."));
    return;
  }
  const parts = key.startsWith("request-") ? requestParts(key) : await eventParts(key);
  if (selected !== key) return;
  const back = h("button", { type: "button", class: "plain back", onclick: () => select(null) }, "← All");
  detail.replaceChildren(back, ...parts.flat().filter(Boolean));
}

function requestParts(key) {
  const request = requests.get(Number(key.slice("request-".length)));
  return request ? requestView(request, (uuid) => select(uuid)) : [h("p", { class: "choose" }, "This request is gone.")];
}

async function eventParts(uuid) {
  const response = await fetch(`/api/events/${encodeURIComponent(uuid)}`);
  if (response.ok) return eventView(await response.json());
  return [h("p", { class: "choose" }, "This event was not stored, or has been cleared.")];
}

function move(step) {
  const all = [...rows.children];
  if (all.length === 0) return;
  const here = all.findIndex((row) => row.dataset.key === selected);
  const next = here < 0 ? 0 : Math.min(Math.max(here + step, 0), all.length - 1);
  select(all[next].dataset.key, { focus: true });
}

// ── What a newcomer sees ────────────────────────────────────────────────────

function welcome() {
  const host = location.origin;
  const snippets = {
    environment: `POSTHOG_HOST=${host} POSTHOG_PROJECT_API_KEY=phc_local`,
    python: [
      "from posthog_web import Posthog",
      `posthog = Posthog("phc_local", host="${host}")`,
      'posthog.capture("user123", "hello", {"from": "my desk"})',
    ].join("\n"),
    shell: [
      `curl ${host}/batch/ -d '{`,
      '  "api_key": "phc_local",',
      '  "batch": [{"event": "hello", "distinct_id": "user123"}]',
      "}'",
    ].join("\n"),
  };
  const content = at("welcome").content.cloneNode(true);
  for (const code of content.querySelectorAll("[data-snippet]")) {
    const text = snippets[code.dataset.snippet];
    code.textContent = text;
    const button = h("button", { type: "button", class: "plain", onclick: () => copy(text, button) }, "Copy");
    code.closest(".snippet").append(button);
  }
  return content;
}

// ── The stream ──────────────────────────────────────────────────────────────

function listen() {
  const source = new EventSource(`/api/stream?after=${encodeURIComponent(position)}`);
  const on = (kind, act) => source.addEventListener(kind, (message) => {
    position = message.lastEventId;
    act(JSON.parse(message.data));
  });
  on("event", arrive);
  on("request", arriveRequest);
  on("clear", forget);
  source.onopen = () => { say("live"); outage.refresh(); };
  source.onerror = () => {
    say("reconnecting");
    // The browser comes back by itself unless it was told that there is nothing here.
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, 2000);
  };
}

function say(state) {
  at("state").dataset.state = state;
  at("state").textContent = state;
}

async function getJSON(path) {
  const response = await fetch(path);
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.json();
}

function soon(act, milliseconds) {
  let timer = null;
  return () => {
    timer ??= setTimeout(() => { timer = null; act(); }, milliseconds);
  };
}

const reloadSoon = soon(load, 200);
const refreshOutageSoon = soon(outage.refresh, 200);

// ── Hands ───────────────────────────────────────────────────────────────────

function show(which) {
  view = which;
  at("show-events").setAttribute("aria-pressed", String(which === "events"));
  at("show-requests").setAttribute("aria-pressed", String(which === "requests"));
  at("scroll").scrollTop = 0;
  return which === "events" ? load() : loadRequests();
}

rows.addEventListener("click", (event) => {
  const row = event.target.closest("li");
  if (row) select(row.dataset.key);
});
at("show-events").addEventListener("click", () => show("events"));
at("show-requests").addEventListener("click", () => show("requests"));
at("older").addEventListener("click", () => { room += PAGE; load(); });
at("clear").addEventListener("click", () => fetch("/api/events", { method: "DELETE" }));
filter.addEventListener("input", () => {
  room = PAGE;
  if (view === "events") reloadSoon();
  else show("events");
});

const KEYS = {
  j: () => move(1),
  ArrowDown: () => move(1),
  k: () => move(-1),
  ArrowUp: () => move(-1),
  "/": () => filter.focus(),
  c: () => at("copy")?.click(),
  Escape: () => select(null),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target === filter) {
    if (event.key === "Escape") { filter.value = ""; filter.blur(); load(); }
    if (event.key === "Enter" || event.key === "ArrowDown") { event.preventDefault(); move(0); }
    return;
  }
  if (event.target.matches("input") || !Object.hasOwn(KEYS, event.key)) return;
  event.preventDefault();
  KEYS[event.key]();
});

// ── Begin ───────────────────────────────────────────────────────────────────

async function begin() {
  try {
    await loadRequests();
    position = (await load()) ?? "";
  } catch {
    say("reconnecting");
    setTimeout(begin, 2000);
    return;
  }
  const linked = decodeURIComponent(location.hash.slice(1));
  const first = linked || rows.firstElementChild?.dataset.key;
  if (first) select(first);
  listen();
}

begin();
