// How the station's values read: units, times, and one sentence on why it does (not) charge.

export const STATUS = {
  Available: "Available",
  Preparing: "Preparing",
  Charging: "Charging",
  SuspendedEV: "Paused by the vehicle",
  SuspendedEVSE: "Paused by the station",
  Finishing: "Finishing",
  Reserved: "Reserved",
  Unavailable: "Out of service",
  Faulted: "Fault",
};

export const PILOT = {
  A: "A, no vehicle",
  B: "B, connected",
  C: "C, ready",
  D: "D, wants ventilation",
  E: "E, no pilot",
  F: "F, not available",
};

export const FAULTS = [
  "UnderVoltage", "OverVoltage", "OverCurrent", "OverTemperature", "GroundFailure", "DiodeFault",
  "ConnectorLockFailure", "PowerMeterFailure", "PowerSwitchFailure", "ReaderFailure", "Other",
];

/** "GroundFailure" as people say it: "Ground failure". */
export function spaced(name) {
  return name.replace(/\B[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`);
}

export const kilo = (value, digits) => (value / 1000).toFixed(digits);

/** Amperes without a needless decimal: 16, 13.5. */
export const amps = (value) => String(Number(value.toFixed(1)));

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };

export function clock(time) {
  return new Date(time).toLocaleTimeString([], { ...CLOCK, hourCycle: "h23" });
}

export function duration(seconds) {
  const minutes = Math.floor(seconds / 60);
  const two = (number) => String(number).padStart(2, "0");
  return `${Math.floor(minutes / 60)}:${two(minutes % 60)}:${two(Math.floor(seconds % 60))}`;
}

/** Why current flows or does not, in one sentence. */
export function why(evse) {
  const answers = {
    Available: () => "Plug in or present a card, in either order.",
    Preparing: () => preparing(evse),
    Charging: () => charging(evse),
    SuspendedEV: () => "The station offers current; the vehicle takes none.",
    SuspendedEVSE: () => "The vehicle would like current; the station offers none at the moment.",
    Finishing: () => `The session is over${evse.plugged ? "; the cable may be unplugged" : ""}.`,
    Reserved: () => reserved(evse),
    Unavailable: () => "The central system has taken it out of service.",
    Faulted: () => "It does not charge until the fault is gone.",
  };
  return answers[evse.status]?.() ?? "";
}

function charging(evse) {
  const drawn = Math.max(0, ...evse.current_a);
  return `The vehicle draws ${amps(drawn)} A of the permitted ${amps(evse.limit_a)} A.`;
}

function preparing(evse) {
  if (evse.session && evse.pilot === "B") return "Authorized. The vehicle is not ready yet.";
  if (evse.session) return "Authorized. Current is about to flow.";
  return evse.plugged ? "Plugged in. Present a card to begin." : "A card was presented. Plug in to begin.";
}

function reserved(evse) {
  return evse.reservation ? `Held for one card until ${clock(evse.reservation.expires)}.` : "Held for one card.";
}
