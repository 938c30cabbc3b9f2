// The view Sessions: what the journal holds, and the curve of the session that was clicked.

import { load, make } from "/static/api.js";
import { WHOLE_MINUTES, area, axis, colour, minutes } from "/static/plot.js";
import { clock, duration, kilo, spaced } from "/static/words.js";

const element = (id) => document.getElementById(id);
const DELIVERY = { delivered: "ok", waiting: "warning", "not delivered": "fault", "kept here": "idle" };

export class SessionsView {
  constructor() {
    this.open = null;
    element("curve-close").addEventListener("click", () => this.close());
    element("sessions-rows").addEventListener("click", ({ target }) => {
      const row = target.closest("tr[data-number]");
      if (row) this.choose(Number(row.dataset.number));
    });
  }

  async refresh() {
    const sessions = await load("/api/sessions");
    const text = JSON.stringify(sessions);
    if (text === this.shown) return;
    this.shown = text;
    element("sessions-rows").replaceChildren(...sessions.map(row));
    element("sessions-empty").hidden = sessions.length > 0;
    if (this.open !== null) await this.choose(this.open);
  }

  async choose(number) {
    this.open = number;
    const points = await load(`/api/sessions/${number}/curve`);
    element("curve-card").hidden = false;
    element("curve-title").textContent = `Session ${number}`;
    element("curve-empty").hidden = points.length > 0;
    element("curve").hidden = points.length === 0;
    for (const line of element("sessions-rows").children) line.classList.toggle("chosen", line.dataset.number === String(number));
    if (points.length > 0) this.draw(points);
  }

  draw(points) {
    const parent = element("curve");
    const column = (index, per) => points.map((point) => point[index] / per);
    const data = [column(0, 1), column(1, 1000), column(3, 1000)];
    const size = () => ({ width: parent.clientWidth || 300, height: parent.clientHeight || 220 });
    if (this.plot) {
      this.plot.setData(data);
      return;
    }
    this.plot = new uPlot(options(size()), data, parent);
    new ResizeObserver(() => this.plot.setSize(size())).observe(parent);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plot.redraw());
  }

  close() {
    this.open = null;
    element("curve-card").hidden = true;
    for (const line of element("sessions-rows").children) line.classList.remove("chosen");
  }
}

const above = (least) => (_plot, _low, high) => [0, Math.max(least, (high ?? 0) * 1.12)];

const moments = (plot, splits, _axis, _space, step) => (
  step < 60 ? splits.map((seconds) => clock(seconds * 1000)) : minutes(plot, splits));

function options(size) {
  return {
    ...size,
    legend: { show: false },
    padding: [10, 6, 0, 0],
    cursor: { y: false, drag: { x: false, y: false } },
    scales: { x: { time: true }, kw: { range: above(4) }, kwh: { range: above(0.1) } },
    axes: [
      { ...axis, size: 26, space: 70, grid: { show: false }, incrs: [5, 15, 30, ...WHOLE_MINUTES], values: moments },
      { ...axis, size: 34, space: 36, scale: "kw" },
      { ...axis, size: 44, space: 36, scale: "kwh", side: 1, grid: { show: false } },
    ],
    series: [
      {},
      { scale: "kw", stroke: () => colour("--live"), width: 2, fill: area, points: { size: 5 } },
      { scale: "kwh", stroke: () => colour("--good"), width: 2, points: { show: false } },
    ],
  };
}

function row({ number, evse, card, name, started, stopped, seconds, wh, reason, delivery }) {
  const cell = (text, className = "") => make("td", { className }, text);
  const day = new Date(started).toLocaleDateString([], { day: "numeric", month: "short" });
  return make("tr", { dataset: { number } },
    make("td", { className: "num" }, make("button", { type: "button", className: "quiet", title: "Show its curve" }, String(number))),
    cell(String(evse)),
    cell(`${day}, ${clock(started)}`, "nowrap"),
    cell(seconds === null ? "runs" : duration(seconds), "num"),
    cell(wh === null ? "–" : `${kilo(wh, 2)} kWh`, "num"),
    make("td", {}, name ? `${name} ` : "", make("span", { className: "mono muted small" }, card)),
    cell(stopped === null ? "" : spaced(reason)),
    make("td", {}, make("span", { className: "badge", dataset: { status: DELIVERY[delivery] ?? "idle" } }, delivery)));
}
