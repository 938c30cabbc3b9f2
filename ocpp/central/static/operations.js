// The dialog behind every button: asks for an operation's fields, sends it, shows the answer.

import { badge, h, show } from "./dom.js";

const CONNECTOR = { name: "connectorId", label: "Connector", kind: "number" };
const CARD = { name: "idTag", label: "Card", kind: "card", required: true };
const TRIGGERS = ["BootNotification", "Heartbeat", "MeterValues", "StatusNotification",
  "DiagnosticsStatusNotification", "FirmwareStatusNotification"];
const REGISTRATIONS = ["Accepted", "Pending", "Rejected"];
const CARD_STATUSES = ["Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"];

/** What is asked for. Those with a `path` are our own; the others are OCPP and go to the station. */
const OPERATIONS = {
  RemoteStartTransaction: { title: "Start a session", fields: [CONNECTOR, CARD] },
  RemoteStopTransaction: {
    title: "Stop the session",
    fields: [{ name: "transactionId", label: "Session", kind: "number", required: true }],
  },
  ReserveNow: {
    title: "Reserve",
    fields: [{ ...CONNECTOR, required: true }, CARD,
      { name: "expiryDate", label: "For how many minutes", kind: "minutes", preset: 15, required: true },
      { name: "reservationId", label: "Reservation number", kind: "number", required: true }],
    prepare: (given) => ({ reservationId: Math.floor(Date.now() / 1000) % 1_000_000, ...given }),
  },
  CancelReservation: {
    title: "Cancel the reservation",
    fields: [{ name: "reservationId", label: "Reservation number", kind: "number", required: true }],
  },
  TriggerMessage: {
    title: "Ask for a message",
    fields: [{ name: "requestedMessage", label: "Message", kind: "choice", choices: TRIGGERS },
      { ...CONNECTOR, label: "Connector (none = all)" }],
  },
  GetConfiguration: {
    title: "Configuration",
    fields: [{ name: "key", label: "Keys, separated by commas (none = all)", kind: "list" }],
  },
  ChangeConfiguration: {
    title: "Change the configuration",
    fields: [{ name: "key", label: "Key", kind: "text", required: true },
      { name: "value", label: "Value", kind: "text", always: true }],
  },
  ChangeAvailability: {
    title: "Availability",
    fields: [{ ...CONNECTOR, label: "Connector (0 = the whole station)", required: true },
      { name: "type", label: "It shall be", kind: "choice", choices: ["Operative", "Inoperative"] }],
  },
  UnlockConnector: { title: "Unlock the connector", fields: [{ ...CONNECTOR, required: true }] },
  ClearCache: { title: "Clear the cache of cards", fields: [] },
  Reset: {
    title: "Reset",
    about: "Sessions end first; the station then starts again.",
    fields: [{ name: "type", label: "Kind", kind: "choice", choices: ["Soft", "Hard"] }],
  },
  DataTransfer: {
    title: "Send data of a vendor",
    fields: [{ name: "vendorId", label: "Vendor", kind: "text", required: true },
      { name: "messageId", label: "Message", kind: "text" },
      { name: "data", label: "Data", kind: "text" }],
  },
  registration: {
    title: "Registration",
    path: "/api/registration",
    about: "What the next BootNotification is answered.",
    fields: [{ name: "status", label: "Answer", kind: "choice", choices: REGISTRATIONS },
      { name: "interval_s", label: "Interval in seconds (none = as configured)", kind: "number" }],
  },
  card: {
    title: "Card",
    path: "/api/cards",
    fields: [{ name: "id", label: "Number (idTag, at most 20 characters)", kind: "text", required: true },
      { name: "name", label: "Name", kind: "text" },
      { name: "status", label: "Answer", kind: "choice", choices: CARD_STATUSES },
      { name: "expiry", label: "Valid until", kind: "date" },
      { name: "parent", label: "Group (parentIdTag)", kind: "text" }],
  },
};

let current = () => null;
const dialog = document.getElementById("dialog");

/** Serve every button with data-do, now and later; `state` gives the newest picture. */
export function listen(state) {
  current = state;
  document.addEventListener("click", (event) => {
    const pressed = event.target.closest("[data-do]");
    if (pressed) open(pressed.dataset.do, JSON.parse(pressed.dataset.given));
  });
}

function open(name, given) {
  const operation = OPERATIONS[name];
  const values = operation.prepare ? operation.prepare(given) : given;
  const answer = h("div.stack", { "aria-live": "polite" });
  const form = h("form.stack", {},
    h("div.row", {}, h("h2", {}, operation.title), given.station && h("span.muted", {}, given.station)),
    operation.about && h("p.muted.small", {}, operation.about),
    operation.fields.map((field) => h("label", {}, field.label, input(field, values[field.name]))),
    answer,
    h("div.row", {},
      !operation.path && h("code.muted.small", {}, name),
      h("div.row.end", {},
        h("button.quiet", { type: "button", value: "close" }, "Close"),
        h("button.primary", { type: "submit" }, operation.path ? "Save" : "Send"))));
  form.querySelector("[value=close]").addEventListener("click", () => dialog.close());
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    send(name, operation, given, form, answer);
  });
  dialog.replaceChildren(form);
  if (!dialog.open) dialog.showModal();
  // Nothing to fill in, nothing to break: reading may begin at once.
  if (name === "GetConfiguration") form.requestSubmit();
}

// --- fields --------------------------------------------------------------------------------------

function input(field, given) {
  const value = given ?? field.preset ?? "";
  const common = { name: field.name, required: field.required };
  if (field.kind === "choice") {
    return h("select", common, field.choices.map((one) => h("option", { selected: one === value }, one)));
  }
  if (field.kind === "card") return cardInput(common, value);
  if (field.kind === "date") return h("input", { ...common, type: "datetime-local", value: localTime(value) });
  const type = ["number", "minutes"].includes(field.kind) ? "number" : "text";
  return h("input", { ...common, type, value, autocomplete: "off", spellcheck: "false" });
}

/** Any number may be typed; those known are offered. */
function cardInput(common, value) {
  const { cards } = current();
  const first = cards.find((card) => card.status === "Accepted")?.id ?? "";
  return [
    h("input", { ...common, list: "known-cards", maxlength: 20, value: value || first, autocomplete: "off" }),
    h("datalist", { id: "known-cards" }, cards.map((card) => h("option", { value: card.id }, card.name))),
  ];
}

function localTime(iso) {
  if (!iso) return "";
  const date = new Date(iso);
  return new Date(date - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
}

const READ = {
  number: Number,
  minutes: (text) => new Date(Date.now() + Number(text) * 60_000).toISOString(),
  date: (text) => new Date(text).toISOString(),
  list: (text) => text.split(",").map((part) => part.trim()).filter(Boolean),
};

function read(fields, form) {
  const values = {};
  for (const { name, kind, always } of fields) {
    const text = form.elements[name].value.trim();
    if (text || always) values[name] = (READ[kind] ?? String)(text);
  }
  return values;
}

// --- sending -------------------------------------------------------------------------------------

async function send(name, operation, { station }, form, answer) {
  const values = read(operation.fields, form);
  const body = operation.path
    ? { ...(station && { station }), ...values }
    : { station, operation: name, fields: values };
  const submit = form.querySelector("[type=submit]");
  submit.disabled = true;
  show(answer, h("p.muted", {}, operation.path ? "Saving…" : `Waiting for ${station}…`));
  try {
    const response = await fetch(operation.path ?? "/api/call", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
    });
    const result = await response.json();
    if (operation.path && response.ok) dialog.close();
    else show(answer, response.ok ? told(result.answer, station) : trouble(result));
  } catch (error) {
    show(answer, trouble({ error: `The central system did not answer (${error.message}).` }));
  } finally {
    submit.disabled = false;
  }
}

const trouble = ({ error, hint }) => h("p.note", { "data-status": "fault" }, h("strong", {}, error), hint && `: ${hint}`);

function told(answer, station) {
  if (answer.status) {
    return h("div.row", {}, h("span.muted", {}, "The station answers"), badge(answer.status));
  }
  const keys = answer.configurationKey ?? [];
  return [
    keys.length > 0 && h("div.scroll.keys", {}, h("table", {}, h("tbody", {}, keys.map((key) => keyRow(key, station))))),
    answer.unknownKey?.length && h("p.note", {}, `Unknown to the station: ${answer.unknownKey.join(", ")}`),
  ];
}

function keyRow({ key, value, readonly }, station) {
  return h("tr", {},
    h("td", {}, key, h("div.muted.small.text", {}, value ?? "")),
    h("td.num", {}, readonly ? h("span.muted.small", {}, "read-only") : h("button.quiet", {
      type: "button", "data-do": "ChangeConfiguration", "data-given": JSON.stringify({ station, key, value }),
    }, "Change")));
}
