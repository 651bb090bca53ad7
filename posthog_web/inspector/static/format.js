// Turns numbers into what a person reads.

const clock = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23",
});
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const moment = new Intl.DateTimeFormat(undefined, {
  year: "numeric", month: "short", day: "numeric",
  hour: "2-digit", minute: "2-digit", second: "2-digit", fractionalSecondDigits: 3,
  hourCycle: "h23", timeZoneName: "short",
});
const grouped = new Intl.NumberFormat();

/** Return seconds since the epoch as a time of day, with the day when it is not today. */
export function timeOfDay(seconds) {
  const date = new Date(seconds * 1000);
  const time = clock.format(date);
  return date.toDateString() === new Date().toDateString() ? time : `${day.format(date)} ${time}`;
}

/** Return a timestamp as sent in the reader's own zone; the text itself if it is none. */
export function fullMoment(text) {
  const date = new Date(text);
  return Number.isNaN(date.getTime()) ? String(text) : moment.format(date);
}

/** Return how much later the inspector saw an event than it says it happened. */
export function lag(timestamp, receivedAt) {
  const seconds = receivedAt - new Date(timestamp).getTime() / 1000;
  if (Number.isNaN(seconds)) return "";
  const size = Math.abs(seconds);
  const amount = size < 1 ? `${Math.round(size * 1000)} ms`
    : size < 120 ? `${size.toFixed(1)} s`
    : size < 7200 ? `${Math.round(size / 60)} min`
    : size < 172800 ? `${Math.round(size / 3600)} h`
    : `${Math.round(size / 86400)} days`;
  return seconds >= 0 ? `arrived ${amount} later` : `arrived ${amount} earlier`;
}

export function number(value) {
  return grouped.format(value);
}

export function bytes(size) {
  if (size < 1024) return `${size} B`;
  if (size < 1024 * 1024) return `${(size / 1024).toFixed(1)} KiB`;
  return `${(size / 1024 / 1024).toFixed(1)} MiB`;
}

export function plural(count, word) {
  return `${number(count)} ${word}${count === 1 ? "" : "s"}`;
}
