// The view Cards: the station's own list; numbers are masked, only the export has them in full.

import { load, make, order, post, tell } from "/static/api.js";

const element = (id) => document.getElementById(id);

export class CardsView {
  constructor() {
    element("learn").addEventListener("submit", (event) => this.learn(event));
    element("save").addEventListener("submit", (event) => this.save(event));
    element("cards-import").addEventListener("change", ({ target }) => this.import(target));
  }

  async refresh() {
    const cards = await load("/api/cards");
    const text = JSON.stringify(cards);
    if (text === this.shown || element("cards-rows").contains(document.activeElement)) return;
    this.shown = text;
    element("cards-rows").replaceChildren(...cards.map((card) => this.row(card)));
    element("cards-empty").hidden = cards.length > 0;
  }

  row({ key, card, name }) {
    const input = make("input", { defaultValue: name, maxLength: 50, placeholder: "no name", ariaLabel: `Name of ${card}` });
    input.addEventListener("change", () => this.ask("save-card", { card: `#${key}`, name: input.value }, `${card} is now named ${input.value || "nothing"}.`));
    const drop = make("button", { type: "button", className: "danger" }, "Delete");
    drop.addEventListener("click", () => this.ask("drop-card", { card: `#${key}` }, `${name || card} is off the list.`));
    return make("tr", {}, make("td", {}, input), make("td", { className: "mono" }, card), make("td", { className: "num" }, drop));
  }

  async ask(name, body, done) {
    const refused = await order(name, body);
    tell("cards-note", refused || done, refused ? "fault" : "ok");
    document.activeElement?.blur();
    await this.refresh();
    return !refused;
  }

  async learn(event) {
    event.preventDefault();
    const { name } = event.target.elements;
    const button = event.target.querySelector("button");
    button.disabled = true;
    tell("cards-note", "Show the card to the reader now. The station waits half a minute.", "warning");
    if (await this.ask("learn-card", { name: name.value }, "The card is on the list.")) event.target.reset();
    button.disabled = false;
  }

  async save(event) {
    event.preventDefault();
    const { card, name } = event.target.elements;
    if (await this.ask("save-card", { card: card.value, name: name.value }, "The card is on the list.")) event.target.reset();
  }

  async import(input) {
    const [file] = input.files;
    if (!file) return;
    const refused = await post("/api/cards", await file.text(), "text/csv");
    tell("cards-note", refused || `${file.name} is on the list.`, refused ? "fault" : "ok");
    input.value = "";
    await this.refresh();
  }
}
