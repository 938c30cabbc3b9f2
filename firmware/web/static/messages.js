// The view Messages: each request with its answer, newest first; a click shows both.

import { load, make } from "/static/api.js";
import { clock } from "/static/words.js";

const element = (id) => document.getElementById(id);

export class MessagesView {
  constructor() {
    this.form = element("messages-filter");
    this.open = null;
    this.form.addEventListener("submit", (event) => event.preventDefault());
    this.form.addEventListener("input", () => this.refresh());
    element("messages-rows").addEventListener("click", ({ target }) => {
      const row = target.closest("tr[data-number]");
      if (row) this.toggle(Number(row.dataset.number));
    });
  }

  get query() {
    return new URLSearchParams(new FormData(this.form)).toString();
  }

  async refresh() {
    const query = this.query;
    const { messages, found, actions } = await load(`/api/messages?${query}`);
    if (query !== this.query) return; // answered too late
    element("messages-file").href = `/messages.jsonl?${query}`;
    this.offer(actions);
    const text = JSON.stringify([messages, this.open]);
    if (text === this.shown) return;
    this.shown = text;
    const rows = messages.map((message) => this.row(message));
    element("messages-rows").replaceChildren(...rows.flat());
    element("messages-empty").hidden = messages.length > 0;
    const more = found > messages.length ? `, the newest ${messages.length} are shown` : "";
    element("messages-found").textContent = found ? `${found} messages${more}. Card numbers are masked.` : "";
  }

  offer(actions) {
    const { action } = this.form.elements;
    for (const name of actions) {
      if (![...action.options].some(({ value }) => value === name)) action.append(new Option(name, name));
    }
  }

  row({ number, time, direction, action, outcome, ok, ms }) {
    const sent = direction === "out";
    const row = make("tr", { dataset: { number } },
      make("td", { className: "muted nowrap" }, clock(time * 1000)),
      make("td", {}, make("button", { type: "button", className: "quiet action", ariaExpanded: String(number === this.open) },
        make("span", { className: `way ${direction}`, title: sent ? "sent" : "received" }, sent ? "↑" : "↓"), action)),
      make("td", {}, make("span", { className: "badge", dataset: { status: ok ? "ok" : "fault" } }, outcome)),
      make("td", { className: "num muted" }, `${ms.toFixed(1)} ms`));
    return number === this.open && this.bodies ? [row, this.bodies] : [row];
  }

  async toggle(number) {
    this.open = this.open === number ? null : number;
    this.bodies = null;
    if (this.open !== null) {
      const { request, response } = await load(`/api/messages/${number}`);
      this.bodies = make("tr", { className: "bodies" }, make("td", { colSpan: 4 },
        body("Request", request), body("Answer", response || "none")));
    }
    await this.refresh();
  }
}

function body(title, text) {
  return make("div", {}, make("h3", {}, title), make("pre", { tabIndex: 0 }, indented(text)));
}

/** XML with one element a line; anything else as it is. */
function indented(text) {
  if (!text.startsWith("<")) return text;
  let depth = 0;
  return text.replace(/>\s*</g, ">\n<").split("\n").map((line) => {
    if (line.startsWith("</")) depth -= 1;
    const shown = "  ".repeat(Math.max(depth, 0)) + line;
    const closed = line.startsWith("</") || line.startsWith("<?") || line.endsWith("/>") || /<\/[^<]*>$/.test(line);
    if (!closed) depth += 1;
    return shown;
  }).join("\n");
}
