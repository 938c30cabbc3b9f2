// Builds elements, and makes the page like a new picture of itself by changing only what differs.

/** h("td.num", {title: "…"}, children): an element. Values go in as text, never as HTML. */
export function h(what, attributes = {}, ...children) {
  const [tag, ...classes] = what.split(".");
  const element = document.createElement(tag);
  if (classes.length) element.className = classes.join(" ");
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== null && value !== undefined && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** Make `place` hold these children. What is alike stays, so that focus, hover and a click under way survive. */
export function show(place, ...children) {
  patchChildren(place, h("div", {}, ...children));
}

function patchChildren(old, fresh) {
  const wanted = [...fresh.childNodes];
  wanted.forEach((node, index) => {
    const present = old.childNodes[index];
    if (!present) old.append(node);
    else if (present.nodeType !== node.nodeType || present.nodeName !== node.nodeName) present.replaceWith(node);
    else patch(present, node);
  });
  while (old.childNodes.length > wanted.length) old.lastChild.remove();
}

function patch(old, fresh) {
  if (old.nodeType === Node.TEXT_NODE) {
    if (old.data !== fresh.data) old.data = fresh.data;
    return;
  }
  for (const { name } of [...old.attributes]) if (!fresh.hasAttribute(name)) old.removeAttribute(name);
  for (const { name, value } of fresh.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value);
  patchChildren(old, fresh);
}

export const badge = (status, text = status) => h("span.badge", { "data-status": status }, text);

export const empty = (title, advice) => h("div.empty", {}, h("strong", {}, title), advice);

// --- how numbers and times are written ---------------------------------------------------------

const digits = new Map();

export function number(value, places) {
  if (!digits.has(places)) {
    digits.set(places, new Intl.NumberFormat(undefined, { minimumFractionDigits: places, maximumFractionDigits: places }));
  }
  return digits.get(places).format(value);
}

export const kilo = (value, places = 2) => number(value / 1000, places);

export const money = (amount, currency) =>
  new Intl.NumberFormat(undefined, { style: "currency", currency }).format(Number(amount));

export function duration(seconds) {
  const total = Math.max(0, Math.round(seconds));
  const two = (part) => String(part).padStart(2, "0");
  const [hours, minutes, rest] = [Math.floor(total / 3600), Math.floor(total / 60) % 60, total % 60];
  return hours ? `${hours}:${two(minutes)}:${two(rest)}` : `${minutes}:${two(rest)}`;
}

export function ago(time, now = Date.now()) {
  if (!time) return "never";
  const seconds = (now - Date.parse(time)) / 1000;
  if (seconds < 5) return "just now";
  if (seconds < 90) return `${Math.round(seconds)} s ago`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min ago`;
  if (seconds < 129600) return `${Math.round(seconds / 3600)} h ago`;
  return `${Math.round(seconds / 86400)} days ago`;
}

const pad = (part) => String(part).padStart(2, "0");

export function clock(time) {
  const date = new Date(time);
  return `${pad(date.getHours())}:${pad(date.getMinutes())}:${pad(date.getSeconds())}`;
}

export function day(time) {
  const date = new Date(time);
  return `${date.getFullYear()}-${pad(date.getMonth() + 1)}-${pad(date.getDate())}`;
}

/** Date and time; of today only the time. */
export function when(time) {
  const today = new Date(time).toDateString() === new Date().toDateString();
  return today ? clock(time) : `${day(time)} ${clock(time).slice(0, 5)}`;
}

/** The last digits of a card, as a person would call it. */
export const cardName = (cards, id) =>
  cards.find((card) => card.id.toLowerCase() === id.toLowerCase())?.name || id;
