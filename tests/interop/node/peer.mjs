// A foreign OCPP-S 1.6 peer on Node's soap: central system or charge point, told what to do by lines on stdin.
//
//   peer.mjs CENTRALWSDL POINTWSDL central PORT INTERVAL [INVALIDTAG]
//   peer.mjs CENTRALWSDL POINTWSDL chargepoint URL ID PORT                      (port 0: any free one)
//
// Commands and lines are those of peer.cpp: every message heard and every answer had is one line of JSON on stdout,
// the message in it as XML, made from what soap understood. Addresses are loopback; the peer ends with its stdin.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import http from "node:http";
import readline from "node:readline";
import soap from "soap";

const ADDRESSING = "http://www.w3.org/2005/08/addressing";
const [wsdlOfCentral, wsdlOfPoint, role, ...words] = process.argv.slice(2);

// ---- telling --------------------------------------------------------------------------------------------------------

const tell = (line) => process.stdout.write(JSON.stringify(line) + "\n");
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => `&#${c.charCodeAt(0)};`);
const textOf = (value) => (value instanceof Date ? value.toISOString().replace(".000Z", "Z") : String(value));
const now = () => new Date().toISOString(); // soap writes no Date
const valueOf = (header) => header?.$value ?? header ?? ""; // an object where it has attributes

const wsa = (name, content, more = "") => `<a:${name} xmlns:a="${ADDRESSING}" ${more}>${content}</a:${name}>`;

function xml(name, value) {
  if (Array.isArray(value)) return value.map((each) => xml(name, each)).join("");
  const isLeaf = value instanceof Date || (value !== null && typeof value !== "object");
  const children = isLeaf ? [] : Object.entries(value ?? {}).filter(([key]) => key !== "attributes");
  const content = isLeaf ? escape(textOf(value)) : children.map(([key, child]) => xml(key, child)).join("");
  return `<${name}>${content}</${name}>`;
}

// ---- serving --------------------------------------------------------------------------------------------------------

const addresses = {}; // identity -> where its own server listens, as its last From said

const fault = (code, subcode, reason, statusCode) => ({
  Fault: { Code: { Value: `soap:${code}`, Subcode: { Value: subcode } }, Reason: { Text: reason }, statusCode },
});

const replyHeaders = (operation, args, headers) =>
  wsa("Action", `/${operation}Response`) + wsa("RelatesTo", escape(valueOf(headers.MessageID)));

// `answers` is a response, or a function that makes one of the request, for each operation that is built.
function serve(wsdlFile, service, port, answers, check = () => {}) {
  const operations = {};
  for (const [name, answer] of Object.entries(answers)) {
    operations[name] = (args, callback, headers) => {
      const identity = valueOf(headers.chargeBoxIdentity);
      check(identity);
      const [from, action, to] = [headers.From?.Address ?? "", headers.Action, headers.To].map(valueOf);
      addresses[identity] = from;
      tell({ heard: name, message: xml("message", args), identity, from, action, to });
      return typeof answer === "function" ? answer(args) : answer;
    };
  }
  const listener = http.createServer();
  listener.listen(Number(port), "127.0.0.1");
  return new Promise((resolve) => {
    listener.on("listening", () => {
      const options = { path: "/", xml: readFileSync(wsdlFile, "utf8"), forceSoap12Headers: true, suppressStack: true };
      options.services = { [service]: { [`${service}Soap12`]: operations } };
      options.callback = () => resolve(`http://127.0.0.1:${listener.address().port}/`);
      const server = soap.listen(listener, options);
      server.addSoapHeader(replyHeaders);
      server.on("request", (_, name) => name in answers || tell({ refused: name }));
    });
  });
}

// ---- asking ---------------------------------------------------------------------------------------------------------

const agent = new http.Agent({ keepAlive: true });

async function ask(client, { to, from, identity, namespace }, operation, request) {
  const id = `urn:uuid:${randomUUID()}`;
  const must = 'xmlns:e="http://www.w3.org/2003/05/soap-envelope" e:mustUnderstand="true"';
  const headers = [
    wsa("MessageID", id),
    wsa("From", wsa("Address", escape(from))),
    wsa("ReplyTo", wsa("Address", `${ADDRESSING}/anonymous`), must),
    wsa("To", escape(to), must),
    wsa("Action", `/${operation}`, must),
    `<c:chargeBoxIdentity xmlns:c="${namespace}" ${must}>${escape(identity)}</c:chargeBoxIdentity>`,
  ];
  client.setEndpoint(to);
  client.clearSoapHeaders();
  client.addSoapHeader(headers.join(""));
  try {
    const options = { httpAgent: agent, proxy: false };
    const [response, , headers] = await client[`${operation}Async`](request, options);
    const related = valueOf(headers.RelatesTo) === id ? "yes" : "no";
    tell({ answer: operation, message: xml("message", response), action: valueOf(headers.Action), related });
  } catch (error) {
    const { Code, Reason } = error.root?.Envelope.Body.Fault ?? {};
    tell({
      answer: operation,
      fault: valueOf(Code?.Value),
      subcode: valueOf(Code?.Subcode?.Value),
      reason: Reason ? valueOf(Reason.Text) : String(error),
      status: String(error.response?.status),
    });
  }
}

function clientOf(wsdlFile) {
  return soap.createClientAsync(wsdlFile, { forceSoap12Headers: true });
}

async function obey(commands) {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const [verb, ...rest] = line.split(" ");
    if (verb in commands) await commands[verb](...rest);
    else tell({ problem: `no such command: ${line}` });
  }
  process.exit(0);
}

// ---- the central system ---------------------------------------------------------------------------------------------

async function central(port, interval, invalidTag) {
  let lastTransaction = 0;
  const judge = (tag) => ({ status: tag === invalidTag ? "Invalid" : "Accepted" });
  const from = await serve(wsdlOfCentral, "CentralSystemService", port, {
    BootNotification: () => ({ status: "Accepted", currentTime: now(), interval: Number(interval) }),
    Heartbeat: () => ({ currentTime: now() }),
    Authorize: ({ idTag }) => ({ idTagInfo: judge(idTag) }),
    StartTransaction: ({ idTag }) => ({ transactionId: ++lastTransaction, idTagInfo: judge(idTag) }),
    MeterValues: {},
    StatusNotification: {},
    StopTransaction: {},
  });
  const client = await clientOf(wsdlOfPoint);
  const order = (operation, request) => (identity, ...given) => {
    const line = { to: addresses[identity], from, identity, namespace: "urn://Ocpp/Cp/2015/10/" };
    return ask(client, line, operation, request(...given));
  };
  tell({ ready: from });
  const inSeconds = (seconds) => new Date(Date.now() + 1000 * seconds).toISOString();
  await obey({
    reserve: order("ReserveNow", (connectorId, reservationId, idTag, seconds) =>
      ({ connectorId, expiryDate: inSeconds(seconds), idTag, reservationId })),
    cancel: order("CancelReservation", (reservationId) => ({ reservationId })),
    remotestart: order("RemoteStartTransaction", (connectorId, idTag) => ({ connectorId, idTag })),
    remotestop: order("RemoteStopTransaction", (transactionId) => ({ transactionId })),
    trigger: order("TriggerMessage", (requestedMessage) => ({ requestedMessage })),
    getconf: order("GetConfiguration", (...key) => ({ key })), // no key: all of them
    changeconf: order("ChangeConfiguration", (key, ...value) => ({ key, value: value.join(" ") })),
  });
}

// ---- the charge point -----------------------------------------------------------------------------------------------

async function chargepoint(to, identity, port) {
  const accepted = { status: "Accepted" };
  const heartbeat = { key: "HeartbeatInterval", readonly: false, value: "300" };
  const from = await serve(wsdlOfPoint, "ChargePointService", port, {
    ReserveNow: accepted,
    CancelReservation: accepted,
    RemoteStartTransaction: accepted,
    RemoteStopTransaction: accepted,
    GetConfiguration: (args) => ({ configurationKey: [heartbeat], unknownKey: args.key }),
  }, (claimed) => {
    if (claimed !== identity) throw fault("Sender", "IdentityMismatch", "This is another charge box", 400);
  });
  const client = await clientOf(wsdlOfCentral);
  const line = { to, from, identity, namespace: "urn://Ocpp/Cs/2015/10/" };
  const say = (operation, request) => (...given) => ask(client, line, operation, request(...given));
  tell({ ready: from });
  await obey({
    boot: say("BootNotification", () =>
      ({ chargePointVendor: "Node", chargePointModel: "soap", firmwareVersion: "1.13.0 é & <co>" })),
    heartbeat: say("Heartbeat", () => ({})),
    status: say("StatusNotification", (connectorId, status) => ({ connectorId, status, errorCode: "NoError" })),
    authorize: say("Authorize", (idTag) => ({ idTag })),
    start: say("StartTransaction", (connectorId, idTag, meterStart) =>
      ({ connectorId, idTag, timestamp: now(), meterStart })),
    meter: say("MeterValues", (connectorId, transactionId, value) => {
      const measurand = "Energy.Active.Import.Register";
      const sampledValue = { value, context: "Sample.Periodic", measurand, unit: "Wh" };
      return { connectorId, transactionId, meterValue: { timestamp: now(), sampledValue } };
    }),
    stop: say("StopTransaction", (transactionId, idTag, meterStop) =>
      ({ transactionId, idTag, timestamp: now(), meterStop, reason: "Local" })),
  });
}

await { central, chargepoint }[role](...words);
