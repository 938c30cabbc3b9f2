// Which view is shown: the part of the address after "#"; a view that is shown keeps itself fresh.

import { CardsView } from "/static/cards.js";
import { MessagesView } from "/static/messages.js";
import { SessionsView } from "/static/sessions.js";
import { SettingsView } from "/static/settings.js";

const FRESH_MS = 2000;
const views = {
  messages: new MessagesView(),
  sessions: new SessionsView(),
  settings: new SettingsView(),
  cards: new CardsView(),
};
let shown = "now";

function show() {
  const wanted = location.hash.slice(1);
  shown = wanted in views ? wanted : "now";
  for (const section of document.querySelectorAll(".view")) section.hidden = section.id !== shown;
  for (const link of document.querySelectorAll("#tabs a")) {
    if (link.hash === `#${shown}`) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  scrollTo(0, 0);
  refresh();
}

async function refresh() {
  try {
    await views[shown]?.refresh();
  } catch {
    // The stream of events has the same trouble and says so.
  }
}

addEventListener("hashchange", show);
setInterval(() => document.hidden || refresh(), FRESH_MS);
show();
