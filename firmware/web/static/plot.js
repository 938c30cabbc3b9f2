// The live plot of power and limit of one EVSE over the last quarter of an hour.

import { clock } from "/static/words.js";

const SHOWN_S = 15 * 60;
export const WHOLE_MINUTES = [60, 120, 180, 300, 600, 1800, 3600, 7200, 21600];
const LEAST_S = 2 * 60; // a station just started fills the plot all the same

export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
const faded = (name, percent) => `color-mix(in srgb, ${colour(name)} ${percent}%, transparent)`;

export function area(plot) {
  const { top, height } = plot.bbox;
  const fill = plot.ctx.createLinearGradient(0, top, 0, top + height);
  fill.addColorStop(0, faded("--live", 38));
  fill.addColorStop(1, faded("--live", 4));
  return fill;
}

/** From 0 to a little above the highest value, and never less than 4 kW. */
function range(_plot, _low, high) {
  return [0, Math.max(4, (high ?? 0) * 1.12)];
}

function timeWindow(_plot, first, last) {
  if (first == null) return [Date.now() / 1000 - LEAST_S, Date.now() / 1000];
  return [last - Math.min(SHOWN_S, Math.max(LEAST_S, last - first)), last];
}

export const axis = {
  gap: 6,
  stroke: () => colour("--muted"),
  font: "12px system-ui, sans-serif",
  ticks: { show: false },
  grid: { stroke: () => colour("--line"), width: 1 },
};

const twoDigits = (number) => String(number).padStart(2, "0");
export const minutes = (_plot, splits) => splits.map((seconds) => {
  const time = new Date(seconds * 1000);
  return `${time.getHours()}:${twoDigits(time.getMinutes())}`;
});

export class Plot {
  /** `onLook(time, power, limit)` hears what the pointer is on, or the newest values. */
  constructor(parent, onLook) {
    this.data = [[], [], []];
    this.onLook = onLook;
    this.parent = parent;
    this.plot = new uPlot(this.options(), this.data, parent);
    new ResizeObserver(() => this.plot.setSize(this.size())).observe(parent);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.plot.redraw());
  }

  size() {
    return { width: this.parent.clientWidth || 300, height: this.parent.clientHeight || 200 };
  }

  options() {
    const steps = uPlot.paths.stepped({ align: 1 });
    return {
      ...this.size(),
      legend: { show: false },
      padding: [10, 18, 0, 0],
      cursor: { y: false, drag: { x: false, y: false }, points: { size: 8 } },
      scales: { x: { time: true, range: timeWindow }, y: { range } },
      axes: [
        { ...axis, size: 26, space: 70, grid: { show: false }, incrs: WHOLE_MINUTES, values: minutes },
        { ...axis, size: 34, space: 36 },
      ],
      series: [
        {},
        { stroke: () => colour("--live"), width: 2, fill: area, points: { show: false } },
        { stroke: () => colour("--hold"), width: 1.5, dash: [6, 4], points: { show: false }, paths: steps },
      ],
      hooks: { setCursor: [() => this.look()] },
    };
  }

  /** Start over with the station's own record: [[unix_s, power_w, limit_w, energy_wh], ...]. */
  load(points) {
    const column = (index, per) => points.map((point) => point[index] / per);
    this.data = [column(0, 1), column(1, 1000), column(2, 1000)];
    this.show();
  }

  /** Add the present; at most one point a second, the newest wins. */
  add(time, power, limit) {
    const [times, powers, limits] = this.data;
    const again = times.length > 0 && time - times.at(-1) < 0.9;
    if (times.length > 0 && time < times.at(-1)) return;
    const place = again ? times.length - 1 : times.length;
    times[place] = again ? times[place] : time;
    powers[place] = power / 1000;
    limits[place] = limit / 1000;
    while (times[0] < time - SHOWN_S) this.data.forEach((column) => column.shift());
    this.show();
  }

  show() {
    this.plot.setData(this.data);
    this.look();
  }

  look() {
    const pointed = this.plot?.cursor.idx ?? null;
    const at = pointed ?? this.data[0].length - 1;
    if (at < 0) return;
    const [time, power, limit] = this.data.map((column) => column[at]);
    this.onLook(pointed === null ? "" : clock(time * 1000), power, limit);
  }
}
