// Builds elements. Events are hostile input: their text becomes text nodes, never markup.

/**
 * Return a new element. Attributes that are false, null or undefined are left out,
 * functions become listeners (`onclick`), children may be texts, nodes or nested lists.
 */
export function h(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat(Infinity).filter((child) => child != null && child !== false));
  return element;
}

/**
 * Return a `details` element. What is inside is built when it is first seen: deep or large values
 * cost nothing until then.
 */
export function unfolding(attributes, summary, build) {
  const details = h("details", attributes, summary);
  const fill = () => {
    if (details.open && details.childElementCount === 1) {
      details.append(...[build()].flat().filter(Boolean));
    }
  };
  details.addEventListener("toggle", fill);
  fill();
  return details;
}

const SVG = "http://www.w3.org/2000/svg";

const GLYPHS = {
  exception: "M8 1.8 14.6 13.6H1.4zM8 6v3.4M8 11.4v.3",
  person: "M8 7.6a2.7 2.7 0 1 0 0-5.4 2.7 2.7 0 0 0 0 5.4zM2.9 14c.4-3 2.4-4.5 5.1-4.5s4.7 1.5 5.1 4.5",
  page: "M3.5 1.8h6l3 3v9.4h-9zM9.3 1.8v3.2h3.2M5.8 8.2h4.4M5.8 11h4.4",
  flag: "M3.6 14.4V2M3.6 2.6h8.6l-1.9 3 1.9 3H3.6",
  custom: "M8 2.2 13.8 8 8 13.8 2.2 8z",
  request: "M2.5 5.2h9.6M9.6 2.6l2.7 2.6-2.7 2.6M13.5 10.8H3.9M6.4 8.2l-2.7 2.6 2.7 2.6",
};

const KINDS = {
  $exception: "exception",
  $identify: "person",
  $set: "person",
  $set_once: "person",
  $create_alias: "person",
  $groupidentify: "person",
  $pageview: "page",
  $pageleave: "page",
  $screen: "page",
  $feature_flag_called: "flag",
};

/** Return the kind of an event, by which it is drawn. */
export function kindOf(name) {
  return Object.hasOwn(KINDS, name) ? KINDS[name] : "custom";
}

/** Return the small drawing for a kind. */
export function glyph(kind) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 16 16");
  svg.setAttribute("aria-hidden", "true");
  svg.setAttribute("class", "glyph");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", GLYPHS[kind]);
  svg.append(path);
  return svg;
}

/** Copy a text, and say so on the button for a moment. */
export async function copy(text, button) {
  const label = button.dataset.label ?? button.textContent;
  button.dataset.label = label;
  try {
    await navigator.clipboard.writeText(text);
    button.textContent = "Copied";
  } catch {
    button.textContent = "Not allowed";
  }
  setTimeout(() => { button.textContent = label; }, 1400);
}
