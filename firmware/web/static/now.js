// The page Now: follows the station's events and writes them into the document.

import { EvseCard } from "/static/evse.js";
import { clock } from "/static/words.js";

const element = (id) => document.getElementById(id);
const cards = new Map();
const pulses = new Map();
let lastTime = null;
let lastLine = null;

const LINK = { up: "Connected", down: "Not connected", held: "Held by bench control" };
const REGISTRATION = { none: "Not registered" };
const PHASE = { starting: "starting", running: "", restarting: "restarting" };

function follow() {
  const events = new EventSource("/events");
  events.addEventListener("message", ({ data }) => show(JSON.parse(data)));
  events.addEventListener("open", () => { lost(false); if (cards.size > 0) loadHistory(); });
  events.addEventListener("error", () => {
    lost(true);
    // A refused stream (too many viewers) is not tried again by the browser.
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, 10_000);
  });
}

async function loadHistory() {
  try {
    const history = await (await fetch("/api/history")).json();
    for (const [id, points] of Object.entries(history)) cards.get(Number(id))?.draw(points);
  } catch {
    // The stream has the same trouble and says so.
  }
}

function lost(isLost) {
  element("lost").hidden = !isLost || lastTime === null;
  document.body.classList.toggle("stale", isLost);
  if (isLost) badge("link", "No answer", "fault");
  if (lastTime) element("lost-since").textContent = clock(lastTime);
}

function show({ station, fake, evses, threads, queue, lines }) {
  lastTime = station.time;
  showStation(station, fake);
  showCentral(station, queue);
  showEvses(evses, fake, Date.parse(station.time) / 1000);
  showThreads(threads);
  showLines(lines);
}

function showStation(station, fake) {
  const phase = PHASE[station.phase];
  document.title = `${station.id} · Pilotwire`;
  element("station-id").textContent = station.id;
  const model = `${station.vendor} ${station.model} ${station.version}`;
  element("station-model").textContent = [model, phase].filter(Boolean).join(" · ");
  element("fake").hidden = !fake;
  element("time").textContent = clock(station.time);
}

function showCentral(station, queue) {
  const { link, registration, problem } = station;
  const alone = station.central === null;
  badge("link", ...(alone ? ["Standalone", "ok"] : online(link, registration)));
  badge("registration", alone ? "None" : REGISTRATION[registration] ?? registration, registration);
  element("central").textContent = station.central ?? "The list of cards decides who may charge.";
  element("connection").textContent = alone ? "none wanted" : LINK[link] ?? link;
  element("queue").textContent = queue.history === 0 ? "nothing" : count(queue.history, "fact");
  element("problem").hidden = !problem;
  element("problem").dataset.status = link === "down" ? "fault" : "warning";
  element("problem-reason").textContent = problem ? `${problem.reason}.` : "";
  element("problem-hint").textContent = problem?.hint ?? "";
}

function online(link, registration) {
  if (link === "held") return ["Link held", "warning"];
  if (link === "down") return ["Offline", "fault"];
  return registration === "Accepted" ? ["Online", "online"] : ["Not accepted", "warning"];
}

const count = (number, what) => `${number} ${what}${number === 1 ? "" : "s"}`;

function badge(id, text, status) {
  element(id).textContent = text;
  element(id).dataset.status = status;
}

function showEvses(evses, fake, time) {
  element("evses-empty").hidden = evses.length > 0;
  const fresh = evses.filter((evse) => !cards.has(evse.id));
  for (const { id } of fresh) {
    cards.set(id, new EvseCard(id, fake));
    element("evses").append(cards.get(id).root);
    cards.get(id).draw([]);
  }
  for (const evse of evses) cards.get(evse.id).update(evse, time);
  if (fresh.length > 0) loadHistory();
}

function showThreads(threads) {
  for (const thread of threads) {
    if (!pulses.has(thread.name)) pulses.set(thread.name, newPulse(thread.name));
    showPulse(pulses.get(thread.name), thread);
  }
  for (const [name, pulse] of pulses) {
    if (!threads.some((thread) => thread.name === name)) {
      pulse.root.remove();
      pulses.delete(name);
    }
  }
}

function newPulse(name) {
  const root = document.createElement("li");
  const [dot, title, text] = ["i", "span", "small"].map((tag) => document.createElement(tag));
  title.textContent = name;
  root.append(dot, title, text);
  element("threads").append(root);
  return { root, dot, text, turns: null };
}

function showPulse(pulse, { alive, busy_s, turns }) {
  const busy = alive && busy_s !== null && busy_s > 0;
  pulse.root.dataset.state = alive ? (busy ? "busy" : "waiting") : "dead";
  pulse.text.textContent = alive ? (busy ? `busy ${(busy_s * 1000).toFixed(0)} ms` : "waiting") : "dead";
  pulse.root.title = count(turns, "turn");
  if (pulse.turns !== null && pulse.turns !== turns) beat(pulse.dot);
  pulse.turns = turns;
}

function beat(dot) {
  dot.animate([{ boxShadow: "0 0 0 0 currentcolor" }, { boxShadow: "0 0 0 7px transparent" }], 600);
}

function showLines(lines) {
  const list = element("lines");
  const newest = JSON.stringify(lines.at(-1) ?? null) + lines.length;
  element("lines-empty").hidden = lines.length > 0;
  list.hidden = lines.length === 0;
  if (newest === lastLine) return;
  lastLine = newest;
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 40;
  list.replaceChildren(...lines.map(line));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function line({ time, text }) {
  const item = document.createElement("li");
  const when = document.createElement("time");
  const what = document.createElement("span");
  when.textContent = clock(time);
  what.textContent = text;
  item.append(when, what);
  return item;
}

follow();
