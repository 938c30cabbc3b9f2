// The page of the bench central system: draws each picture that the server sends, once a second too.

import { ago, badge, cardName, clock, day, duration, empty, h, kilo, money, number, show, when } from "./dom.js";
import { listen } from "./operations.js";

const place = (id) => document.getElementById(id);
let state = null;

/** A button that opens the dialog of an operation, some of its fields filled in. */
const button = (label, operation, given = {}, style = "") =>
  h(`button${style}`, { type: "button", "data-do": operation, "data-given": JSON.stringify(given) }, label);

// --- what follows from the state ---------------------------------------------------------------

function isOnline(station) {
  const interval = station.interval_s ?? state.heartbeat_interval_s;
  return station.last_seen && Date.now() - Date.parse(station.last_seen) < (1.5 * interval + 30) * 1000;
}

const seconds = (session) =>
  ((session.stop_time ? Date.parse(session.stop_time) : Date.now()) - Date.parse(session.start_time)) / 1000;

const liveSessions = () => state.sessions.filter((session) => session.live);

const price = (session) => money(session.price, session.currency);

// --- the sections --------------------------------------------------------------------------------

function stat(label, value, unit, below) {
  return h("div.card.stat", {}, h("div.label", {}, label),
    h("div.big", {}, value, unit && h("small", {}, unit)), h("div.label", {}, below));
}

function stats() {
  const live = liveSessions();
  const power = live.reduce((sum, session) => sum + (session.power_w ?? 0), 0);
  const online = state.stations.filter(isOnline).length;
  return [
    stat("Charging now", kilo(power, 1), "kW", live.length === 1 ? "1 session" : `${live.length} sessions`),
    stat("Energy delivered", kilo(state.totals.energy_wh), "kWh",
      state.totals.sessions === 1 ? "in 1 session" : `in ${state.totals.sessions} sessions`),
    stat("Billed", money(state.totals.billed, state.currency), "",
      `${number(state.price_per_kwh, 2)} ${state.currency} per kWh`),
    stat("Stations online", online, `of ${state.stations.length}`, "new ones welcome"),
  ];
}

function noStations() {
  return h("div.card", {}, empty("No station has called yet",
    ["Point a charge point's central system URL at ", h("code", {}, state.soap_url),
      ". It is accepted when it boots; nothing needs to be registered."]));
}

function stationCard(station) {
  const { id } = station;
  const whole = station.connectors.find((connector) => connector.id === 0);
  return h("article.card.stack.station", {},
    h("div.row", {},
      h("h2", {}, id),
      isOnline(station) ? badge("online") : badge("offline"),
      station.registration !== "Accepted" && badge(station.registration ?? "offline", station.registration ?? "never booted"),
      whole && whole.status !== "Available" && badge(whole.status),
      h("div.row.end.menu", {},
        button("Trigger", "TriggerMessage", { station: id }, ".quiet"),
        button("Configuration", "GetConfiguration", { station: id }, ".quiet"),
        button("Availability", "ChangeAvailability", { station: id, connectorId: 0 }, ".quiet"),
        button("Clear cache", "ClearCache", { station: id }, ".quiet"),
        button("Data", "DataTransfer", { station: id }, ".quiet"),
        button("Reset", "Reset", { station: id }, ".quiet"),
        button("Registration", "registration",
          { station: id, status: station.answer, interval_s: station.interval_s }, ".quiet"))),
    h("p.muted.small.facts", {}, facts(station).map((fact) => h("span", {}, fact))),
    station.problem && h("p.note", {}, h("strong", {}, "Cannot be called: "), station.problem, "."),
    whole && fault(whole),
    station.connectors.some((connector) => connector.id > 0) || liveSessions().some((session) => session.station === id)
      ? h("div.grid.tiles", {}, connectors(station).map((connector) => connectorTile(station, connector)))
      : h("div.tile.row.silent", {}, h("span.muted", {}, "No connector has told its status yet."),
        button("Ask for it", "TriggerMessage", { station: id, requestedMessage: "StatusNotification" })));
}

function facts(station) {
  const product = [station.vendor, station.model, station.firmware].filter(Boolean).join(" ");
  return [
    product || null,
    `seen ${ago(station.last_seen)}`,
    station.address && `called at ${station.address}`,
    station.answer !== (station.registration ?? "Accepted") && `next boot: ${station.answer}`,
    station.repeats > 0 && (station.repeats === 1 ? "1 repeat recognised" : `${station.repeats} repeats recognised`),
  ].filter(Boolean);
}

/** Those that told their status, and those that only charge. */
function connectors(station) {
  const known = station.connectors.filter((connector) => connector.id > 0);
  const silent = liveSessions()
    .filter((session) => session.station === station.id && !known.some((one) => one.id === session.connector))
    .map((session) => ({ id: session.connector, status: null, error: "NoError" }));
  return [...known, ...silent].sort((one, other) => one.id - other.id);
}

const fault = (connector) => connector.error !== "NoError" &&
  h("p.note", { "data-status": "fault" }, connector.error, connector.info && `: ${connector.info}`);

function connectorTile(station, connector) {
  const mine = (one) => one.station === station.id && one.connector === connector.id;
  const session = state.sessions.find((one) => one.live && mine(one));
  const reservation = state.reservations.find((one) => mine(one) && Date.parse(one.expiry) > Date.now());
  const given = { station: station.id, connectorId: connector.id };
  const startStyle = ["Available", "Preparing"].includes(connector.status) ? ".primary" : "";
  return h("section.tile", {}, h("div.inside", {},
    h("div.row.name", {}, h("h3", {}, `Connector ${connector.id}`),
      connector.status ? badge(connector.status) : badge("live", "Session")),
    h("div.stack.middle", {}, session ? charging(session) : idle(connector, reservation), fault(connector)),
    h("div.row.actions", {},
      session
        ? button("Stop", "RemoteStopTransaction", { station: station.id, transactionId: session.id }, ".primary")
        : button("Start", "RemoteStartTransaction",
          { ...given, ...(reservation && { idTag: reservation.card }) }, startStyle),
      reservation
        ? button("Cancel reservation", "CancelReservation", { station: station.id, reservationId: reservation.id })
        : !session && button("Reserve", "ReserveNow", given),
      button("Unlock", "UnlockConnector", given),
      button("Availability", "ChangeAvailability", given))));
}

function charging(session) {
  const pair = (label, value) => h("div", {}, h("div.label", {}, label), h("div.value", {}, value));
  return h("div.charging", {},
    h("div", {}, h("div.big", {}, kilo(session.energy_wh), h("small", {}, "kWh")),
      h("div.label", {}, `Session ${session.id}, ${cardName(state.cards, session.card)}`)),
    h("div.pairs", {},
      pair("Power", session.power_w === null ? "–" : `${kilo(session.power_w, 1)} kW`),
      pair("Duration", duration(seconds(session))),
      pair("Price", price(session))));
}

const IDLE = {
  Available: ["Free", "Plug in and present a card, or start from here."],
  Preparing: ["Plug or card is there", "The other of the two is missing."],
  Finishing: ["Finished", "Unplug to make it free again."],
  Unavailable: ["Out of service", "Set it operative under Availability."],
  Faulted: ["Fault", "It will not charge until the station clears it."],
};

function idle(connector, reservation) {
  if (reservation) {
    return words("Reserved", `For ${cardName(state.cards, reservation.card)} until ${when(reservation.expiry)}.`);
  }
  const [title, advice] = IDLE[connector.status] ?? [connector.status, `Since ${when(connector.since)}.`];
  return words(title, advice);
}

const words = (title, advice) => h("div.words", {}, h("div.title", {}, title), h("p.muted", {}, advice));

function sessions() {
  const head = h("div.row", {}, h("h2", {}, "Sessions"));
  if (!state.sessions.length) {
    return [head, empty("No session yet", "Present a card at a station, or press Start on one of its connectors.")];
  }
  return [head, h("div.scroll", {}, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {}, "No."), h("th", {}, "Where"), h("th", {}, "Card"), h("th", {}, "Started"),
      h("th.num", {}, "Duration"), h("th.num", {}, "kWh"), h("th.num", {}, "Price"), h("th", {}, "Ended by"))),
    h("tbody", {}, state.sessions.map(sessionRow))))];
}

function sessionRow(session) {
  return h("tr", {},
    h("td.muted", {}, session.id),
    h("td.nowrap", {}, session.station, h("span.muted", {}, ` / ${session.connector}`)),
    h("td.nowrap", {}, cardName(state.cards, session.card)),
    h("td.nowrap", {}, when(session.start_time)),
    h("td.num", {}, session.stop_time || session.live ? duration(seconds(session)) : "–"),
    h("td.num", {}, kilo(session.energy_wh)),
    h("td.num", {}, price(session)),
    h("td.nowrap", {}, session.live ? badge("live", "running") : session.reason ?? badge("warning", "no stop received")));
}

function cards() {
  const head = h("div.row", {}, h("h2", {}, "Cards"), h("span.end", {}, button("Add card", "card", { status: "Accepted" })));
  if (!state.cards.length) return [head, empty("No card yet", "A card appears here when it is first presented.")];
  return [head, h("div.scroll", {}, h("table", {}, h("tbody", {}, state.cards.map(cardRow))))];
}

function cardRow(card) {
  const expired = card.expiry && Date.parse(card.expiry) <= Date.now() && card.status === "Accepted";
  return h("tr", {},
    h("td", {}, h("div", {}, card.name || h("span.muted", {}, "unnamed")), h("code.muted.small", {}, card.id)),
    h("td", {}, expired ? badge("Expired") : badge(card.status),
      card.expiry && !expired && h("div.muted.small.nowrap", {}, `until ${day(card.expiry)}`)),
    h("td.num", {}, button("Edit", "card", card, ".quiet")));
}

function messages() {
  const head = h("div.row", {}, h("h2", {}, "Messages"), h("span.muted.small", {}, "newest first"));
  if (!state.messages.length) return [head, empty("Nothing was said yet", "Every request and its answer is listed here.")];
  return [head, h("div.scroll.messages", {}, h("table", {},
    h("thead", {}, h("tr", {}, h("th", {}, "Time"), h("th", {}, "Station"), h("th", {}, "Request"), h("th", {}, "Answer"),
      h("th.num", {}, "ms"))),
    h("tbody", {}, state.messages.map(messageRow))))];
}

function messageRow(message) {
  const [arrow, direction] = message.direction === "in" ? ["←", "from the station"] : ["→", "to the station"];
  return h("tr", {},
    h("td.nowrap.muted", {}, clock(message.time)),
    h("td.nowrap", {}, message.station),
    h("td", {}, h(`span.arrow.${message.direction}`, { title: direction }, arrow), h("strong", {}, message.action),
      h("div.muted.small.text", {}, message.summary)),
    h("td", {}, h("div.small.text", { class: message.ok ? "small text muted" : "small text bad" }, message.outcome)),
    h("td.num.muted", {}, number(message.latency_ms, message.latency_ms < 10 ? 1 : 0)));
}

// --- drawing, and listening to the server --------------------------------------------------------

function draw() {
  if (!state) return;
  place("soap-url").textContent = state.soap_url;
  show(place("stats"), stats());
  show(place("stations"), state.stations.length ? state.stations.map(stationCard) : noStations());
  show(place("sessions"), sessions());
  show(place("cards"), cards());
  show(place("messages"), messages());
}

function connection(status, text) {
  place("live").dataset.status = status;
  place("live").textContent = text;
}

function connect() {
  const source = new EventSource("/events");
  source.onmessage = (event) => {
    state = JSON.parse(event.data);
    connection("live", "live");
    draw();
  };
  source.onerror = () => {
    connection("fault", "not connected");
    if (source.readyState === EventSource.CLOSED) setTimeout(connect, 3000);
  };
}

listen(() => state);
connect();
setInterval(draw, 1000);
