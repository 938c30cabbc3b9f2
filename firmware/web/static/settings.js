// The view Settings: every key with its value, changed as the central system would change it.

import { load, make, order, tell } from "/static/api.js";

const element = (id) => document.getElementById(id);

export class SettingsView {
  constructor() {
    element("settings-filter").addEventListener("input", () => this.filter());
  }

  async refresh() {
    const settings = await load("/api/settings");
    const text = JSON.stringify(settings);
    if (text === this.shown || this.editing) return;
    this.shown = text;
    element("settings-rows").replaceChildren(...settings.map((setting) => this.row(setting)));
    this.filter();
  }

  /** Somebody is typing: what is shown stays until that is saved or given up. */
  get editing() {
    return [...element("settings-rows").querySelectorAll("input")].some((input) => input.value !== input.defaultValue);
  }

  filter() {
    const wanted = element("settings-filter").value.trim().toLowerCase();
    for (const row of element("settings-rows").children) row.hidden = !row.dataset.key.toLowerCase().includes(wanted);
  }

  row({ key, value, readonly }) {
    return make("tr", { dataset: { key } },
      make("td", {}, make("span", { className: "key-name" }, key)),
      make("td", {}, readonly ? fixed(value) : this.field(key, value)));
  }

  field(key, value) {
    const save = make("button", { hidden: true, className: "primary" }, "Save");
    const input = value === "true" || value === "false" ? choice(value) : make("input", { defaultValue: value, spellcheck: false });
    input.ariaLabel = key;
    input.addEventListener("input", () => { save.hidden = input.tagName === "INPUT" && input.value === input.defaultValue; });
    const form = make("form", { className: "row value" }, input, save);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.change(key, input);
    });
    return form;
  }

  async change(key, input) {
    const refused = await order("setting", { key, value: input.value });
    tell("settings-note", refused ? `${key}: ${refused}.` : `${key} is now ${input.value || "empty"}.`, refused ? "fault" : "ok");
    if (refused) return;
    if (input.tagName === "INPUT") input.defaultValue = input.value;
    this.shown = null;
    await this.refresh();
  }
}

function choice(value) {
  const select = make("select", {}, new Option("true"), new Option("false"));
  select.value = value;
  return select;
}

function fixed(value) {
  return make("span", { className: "row value" }, make("span", { className: "mono" }, value || "–"),
    make("span", { className: "badge end", dataset: { status: "idle" } }, "read only"));
}
