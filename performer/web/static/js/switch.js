// A knob that is either off or on.

import {element, say} from "./dom.js";

export class Switch {
  #knob;
  #move;
  #on = false;

  constructor(knob, move) {
    this.#knob = knob;
    this.#move = move;
    this.element = element("button", {
      type: "button", className: "switch", role: "switch",
      "aria-label": `${knob.group} ${knob.label}`,
      onclick: () => this.set(this.#on ? 0 : 1),
    });
    this.show(knob.value);
  }

  show(value) {
    this.#on = value >= 0.5;
    this.element.setAttribute("aria-checked", this.#on);
    say(this.element, this.#on ? "on" : "off");
  }

  set(value) {
    this.show(value);
    this.#move(value);
  }
}
