// The card of one EVSE: what it does, why, and with the fake board the buttons to play with it.

import { make, order } from "/static/api.js";
import { Plot } from "/static/plot.js";
import { FAULTS, PILOT, STATUS, amps, clock, duration, kilo, spaced, why } from "/static/words.js";

const REFUSAL_SHOWN_MS = 8000;
const LEAST_A = 6; // IEC 61851-1 knows no smaller current to offer

/** The element `name`d in `root`. */
const part = (root, name) => root.querySelector(`[data-f="${name}"]`);

function write(root, texts) {
  for (const [name, text] of Object.entries(texts)) {
    const element = part(root, name);
    if (element.textContent !== text) element.textContent = text;
  }
}

export class EvseCard {
  constructor(id, fake) {
    this.id = id;
    this.root = document.getElementById("evse-template").content.firstElementChild.cloneNode(true);
    write(this.root, { name: `EVSE ${id}` });
    this.orders();
    if (fake) this.play();
  }

  /** To be called once the card is in the document: only then has the plot a size. */
  draw(points) {
    this.plot ??= new Plot(part(this.root, "plot"), (time, power, limit) => write(this.root, {
      "key-time": time, "key-power": `${power.toFixed(1)} kW`, "key-limit": `${limit.toFixed(1)} kW`,
    }));
    this.plot.load(points);
  }

  update(evse, time) {
    this.evse = evse;
    this.root.dataset.status = evse.status;
    write(this.root, {
      status: STATUS[evse.status] ?? evse.status,
      why: why(evse),
      power: kilo(evse.power_w, evse.power_w < 99_950 ? 1 : 0),
      permitted: evse.limit_a > 0 ? `of ${kilo(evse.limit_w, 1)} permitted` : "none permitted",
      register: `Meter ${kilo(evse.energy_wh, 1)} kWh`,
      energy: evse.session ? kilo(evse.session.wh, 2) : "–",
      "energy-of": evse.session ? "this session" : "no session",
    });
    this.faults(evse.faults);
    this.phases(evse);
    this.chain(evse);
    this.session(evse);
    this.reasons(evse.why ?? []);
    this.orderButtons(evse);
    this.buttons(evse);
    this.plot?.add(time, evse.power_w, evse.limit_w);
  }

  faults(faults) {
    const list = part(this.root, "faults");
    list.hidden = faults.length === 0;
    list.replaceChildren(...faults.map((fault) => badge(spaced(fault), "fault")));
  }

  phases(evse) {
    const list = part(this.root, "phases");
    const currents = evse.current_a.length ? evse.current_a : Array(list.children.length || 3).fill(0);
    while (list.children.length < currents.length) list.append(phase(list.children.length + 1));
    while (list.children.length > currents.length) list.lastChild.remove();
    const full = Math.max(16, evse.limit_a, ...currents);
    currents.forEach((current, i) => {
      const [, bar, text] = list.children[i].children;
      bar.firstChild.style.width = `${(100 * current) / full}%`;
      bar.lastChild.style.left = `${(100 * evse.limit_a) / full}%`;
      bar.lastChild.hidden = evse.limit_a === 0;
      text.textContent = `${current.toFixed(1)} A`;
    });
  }

  chain(evse) {
    const offered = evse.offered_a > 0 ? ` · ${amps(evse.offered_a)} A offered` : "";
    this.link("cable", evse.plugged ? "plugged in" : "not plugged in", evse.plugged);
    this.link("pilot", `${PILOT[evse.pilot] ?? evse.pilot}${offered}`, "BCD".includes(evse.pilot));
    this.link("lock", lockWord(evse.locked), evse.locked);
    this.link("contactor", evse.closed ? "closed" : "open", evse.closed);
  }

  link(name, text, on) {
    const element = part(this.root, name);
    element.classList.toggle("on", Boolean(on));
    if (element.lastElementChild.textContent !== text) element.lastElementChild.textContent = text;
  }

  session({ session, soc, reservation }) {
    part(this.root, "session").hidden = !session;
    part(this.root, "no-session").hidden = Boolean(session);
    part(this.root, "soc-fact").hidden = soc === null;
    if (!session) {
      const next = reservation
        ? `Reservation ${reservation.id}, until ${clock(reservation.expires)}.`
        : "No session. The next one is shown here.";
      write(this.root, { "no-session": next });
      return;
    }
    write(this.root, {
      transaction: session.transaction === null ? "not told yet" : String(session.transaction),
      token: session.token_masked,
      since: clock(session.started),
      duration: duration(session.seconds),
      soc: soc === null ? "" : `${soc.toFixed(0)} %`,
    });
  }

  reasons(reasons) {
    const text = JSON.stringify(reasons);
    if (text === this.reasonsShown) return;
    this.reasonsShown = text;
    part(this.root, "reasons").replaceChildren(...reasons.map(reason));
  }

  // Orders, on every board.

  orders() {
    const form = part(this.root, "orders");
    const limit = part(form, "limit");
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.order("start", { card: part(form, "start-card").value.trim() });
    });
    form.addEventListener("click", ({ target }) => {
      if (target.dataset.order === "stop") this.order("stop", {});
      if (target.dataset.order === "unlimit") this.order("limit", { amps: null });
    });
    limit.addEventListener("input", () => this.limitWord(Number(limit.value)));
    limit.addEventListener("change", () => this.order("limit", { amps: Number(limit.value) }));
  }

  async order(name, body) {
    const refused = await order(name, { evse: this.id, ...body });
    this.complain("order-refused", refused);
    this.limitShown = null;
    if (this.evse) this.orderButtons(this.evse);
  }

  orderButtons(evse) {
    const button = (name) => this.root.querySelector(`[data-order="${name}"]`);
    const busy = Boolean(evse.session);
    const limit = part(this.root, "limit");
    button("start").hidden = part(this.root, "start-card").hidden = busy;
    button("stop").hidden = !busy;
    button("unlimit").hidden = evse.set_a == null;
    if (this.limitShown === evse.set_a || document.activeElement === limit && limit.matches(":active")) return;
    this.limitShown = evse.set_a;
    limit.max = String(evse.fuse_a ?? 32);
    limit.value = String(evse.set_a ?? evse.fuse_a ?? 32);
    this.limitWord(evse.set_a);
  }

  limitWord(value) {
    const word = value == null ? "none" : value < LEAST_A ? `${amps(value)} A: pause` : `${amps(value)} A`;
    write(this.root, { "limit-word": word });
  }

  // With the fake board only, from here on.

  play() {
    const form = part(this.root, "bench");
    form.hidden = false;
    part(form, "fault").append(...FAULTS.map((name) => new Option(spaced(name), name)));
    part(form, "fault").addEventListener("change", () => this.buttons(this.evse));
    form.addEventListener("submit", (event) => event.preventDefault());
    form.addEventListener("click", ({ target }) => target.dataset.verb && this.ask(target.dataset.verb));
  }

  body(verb) {
    const at = { evse: this.id, connector: 1 };
    const [current_a, phases] = part(this.root, "vehicle").value.split("/").map(Number);
    const error = part(this.root, "fault").value;
    const bodies = {
      "plug-in": { ...at, current_a, phases },
      rfid: { token: part(this.root, "card").value, evses: [this.id] },
      faults: { ...at, error, active: !this.evse.faults.includes(error) },
    };
    return bodies[verb] ?? at;
  }

  async ask(verb) {
    const headers = { "Content-Type": "application/json" };
    const body = JSON.stringify(this.body(verb));
    try {
      const answer = await fetch(`/api/bench/${verb}`, { method: "POST", headers, body });
      this.complain("refused", answer.ok ? "" : (await answer.json()).error);
    } catch {
      this.complain("refused", "The station did not answer.");
    }
  }

  complain(name, text) {
    const note = part(this.root, name);
    note.textContent = text;
    note.hidden = !text;
    clearTimeout(note.fading);
    note.fading = setTimeout(() => { note.hidden = true; }, REFUSAL_SHOWN_MS);
  }

  buttons(evse) {
    const button = (verb) => this.root.querySelector(`[data-verb="${verb}"]`);
    const raised = evse.faults.includes(part(this.root, "fault").value);
    const ready = "CD".includes(evse.pilot);
    button("plug-in").disabled = evse.plugged;
    button("unplug").disabled = !evse.plugged;
    button("pause").disabled = !ready;
    button("pause").hidden = evse.plugged && !ready;
    button("resume").hidden = !evse.plugged || ready;
    button("plug-in").classList.toggle("primary", !evse.plugged);
    button("rfid").classList.toggle("primary", evse.plugged && !evse.session);
    button("faults").textContent = raised ? "Clear" : "Raise";
    button("faults").classList.toggle("danger", !raised);
  }
}

function lockWord(locked) {
  if (locked === null) return "attached cable";
  return locked ? "locked" : "unlocked";
}

const badge = (text, status) => make("span", { className: "badge", dataset: { status } }, text);

const EFFECT = { forbids: "forbids it", limits: "limits it", permits: "permits it" };

function reason({ what, effect, by, amps: least }) {
  const text = what.charAt(0).toUpperCase() + what.slice(1).replace(/^ault: (\w+)/, (_, name) => `ault: ${spaced(name).toLowerCase()}`);
  return make("li", { dataset: { effect }, title: EFFECT[effect] },
    make("span", {}, text),
    make("b", {}, least === null ? "" : `${amps(least)} A`),
    make("small", {}, by));
}

function phase(number) {
  const row = document.createElement("li");
  const [name, bar, text] = ["span", "div", "b"].map((tag) => document.createElement(tag));
  name.textContent = `L${number}`;
  bar.className = "track";
  bar.append(document.createElement("i"), document.createElement("u"));
  row.append(name, bar, text);
  return row;
}
