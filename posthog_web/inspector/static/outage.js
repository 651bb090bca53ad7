// The control that practises an outage.

import { h } from "./dom.js";

const CHOICES = [
  { id: "normal", label: "200", title: "Take every delivery" },
  { id: "503", label: "503", title: "Unavailable; Retry-After: 1", says: "Every delivery is answered 503.",
    answer: { status: 503, headers: { "Retry-After": "1" } } },
  { id: "413", label: "413", title: "Too large: a library should send smaller batches", says: "Every delivery is answered 413, too large.",
    answer: { status: 413 } },
  { id: "slow", label: "slow", title: "Take every delivery, answer after three seconds", says: "Every delivery is taken, and answered after three seconds.",
    answer: { status: 200, delay: 3 } },
  { id: "close", label: "hang up", title: "Close the connection without an answer", says: "Every connection is closed without an answer.",
    answer: { close: true } },
];

/** Build the control in `fieldset`; `notice` is where it says what is being practised. */
export function outageControl(fieldset, notice) {
  const inputs = CHOICES.map(({ id, label, title }) => {
    const input = h("input", { type: "radio", name: "answer", value: id, onchange: () => choose(id) });
    fieldset.append(h("label", { title }, input, h("span", {}, label)));
    return input;
  });

  async function choose(id) {
    const { answer } = CHOICES.find((choice) => choice.id === id);
    await fetch("/api/answers", { method: "DELETE" });
    if (answer) {
      await fetch("/api/answers", {
        method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(answer),
      });
    }
    await refresh();
  }

  async function refresh() {
    const { answers } = await (await fetch("/api/answers")).json();
    const current = answers.length === 0 ? CHOICES[0] : CHOICES.find((choice) => matches(choice, answers[0]));
    for (const input of inputs) input.checked = input.value === current?.id;
    notice.hidden = answers.length === 0;
    if (answers.length === 0) return;
    const back = h("button", { type: "button", class: "plain", onclick: () => choose("normal") }, "Answer normally");
    notice.replaceChildren(h("strong", {}, "Practising an outage. "), current?.says ?? describe(answers[0]), " ", back);
  }

  return { refresh };
}

function matches({ answer = {} }, given) {
  return given.times === null
    && given.close === (answer.close ?? false)
    && given.status === (answer.status ?? 503)
    && given.delay === (answer.delay ?? 0)
    && JSON.stringify(given.headers) === JSON.stringify(answer.headers ?? {})
    && given.body === null
    && Object.keys(given.results).length === 0;
}

function describe({ status, times, delay, close, results }) {
  const many = times === null ? "Every delivery" : times === 1 ? "The next delivery" : `The next ${times} deliveries`;
  const wait = delay > 0 ? ` after ${delay} s` : "";
  const each = Object.keys(results).length > 0 ? ", with results of single events" : "";
  return close ? `${many}: the connection is closed${wait}.` : `${many}: answered ${status}${each}${wait}.`;
}
