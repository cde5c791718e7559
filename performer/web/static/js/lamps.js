// A lamp and a word for everything that plays along, and the reason where one is given.

import {element, say} from "./dom.js";

const GROUPS = {
  source: "Source", outputs: "Outputs", controllers: "Controllers", processes: "Processes",
};

const GIVEN_UP = "failed"; // a process that died too often

class Lamp {
  /** `retry()` is called when somebody wants it to be started once more. */
  constructor(name, retry) {
    this.name = name;
    this.state = element("span", {className: "state"});
    this.extra = element("span", {className: "extra"});
    this.line = element("p", {className: "line"});
    this.retry = element("button", {
      type: "button", className: "retry", hidden: true, onclick: retry,
    }, "try again");
    this.element = element("li", {className: "lamp"},
      element("i", {className: "light", "aria-hidden": "true"}),
      element("span", {className: "name"}, name), this.state, this.retry, this.extra, this.line);
  }

  show(part) {
    this.element.dataset.lamp = part.lamp;
    say(this.state, part.state);
    say(this.extra, extras(part).filter((word) => word !== this.name).join(" · "));
    say(this.line, part.line);
    this.retry.hidden = part.state !== GIVEN_UP;
  }
}

function extras({kind, fps, dropped, memory_mb: memory, restarts}) {
  const words = [];
  if (kind) words.push(kind);
  if (Number.isFinite(fps)) words.push(`${fps.toFixed(0)} fps`);
  if (dropped) words.push(`${dropped} dropped`);
  if (memory) words.push(memory < 1000 ? `${memory} MB` : `${(memory / 1000).toFixed(1)} GB`);
  if (restarts) words.push(`${restarts} × restarted`);
  return words;
}

export class Lamps {
  #lists = {};
  #retry;

  /** `retry(name)` is called for a process that was given up. */
  constructor(place, retry) {
    this.#retry = retry;
    for (const [group, title] of Object.entries(GROUPS)) {
      const list = element("ul");
      const section = element("section", {hidden: true}, element("h2", {}, title), list);
      this.#lists[group] = {section, list, lamps: {}};
      place.append(section);
    }
  }

  /** Show the groups of a status message. */
  show(status) {
    for (const [group, known] of Object.entries(this.#lists)) {
      const parts = status[group];
      known.section.hidden = Object.keys(parts).length === 0;
      for (const name of Object.keys(known.lamps)) if (!(name in parts)) this.#remove(known, name);
      for (const [name, part] of Object.entries(parts)) this.#lamp(known, name).show(part);
    }
  }

  #lamp(known, name) {
    if (!(name in known.lamps)) {
      known.lamps[name] = new Lamp(name, () => this.#retry(name));
      known.list.append(known.lamps[name].element);
    }
    return known.lamps[name];
  }

  #remove(known, name) {
    known.lamps[name].element.remove();
    delete known.lamps[name];
  }
}
