// One parameter: its name, address, value and slider.

import {copying, element} from "./dom.js";
import {isSwitch, shown, typed} from "./curve.js";
import {Slider} from "./slider.js";
import {Switch} from "./switch.js";

export class Row {
  #parameter;
  #control;
  #number = null;
  #reset;

  /** `send(name, value)` is called when a hand moves it. */
  constructor(parameter, send) {
    this.#parameter = parameter;
    const move = (value) => send(parameter.name, value);
    this.#control = isSwitch(parameter)
      ? new Switch(parameter, move)
      : new Slider(parameter, move);
    this.#reset = element("button", {
      type: "button", className: "reset",
      "aria-label": `reset ${parameter.label} to ${shown(parameter, parameter.default)}`,
      onclick: () => this.#control.set(parameter.default),
    }, "↺");
    this.element = this.#build();
    this.show(parameter.value);
  }

  /** The instrument plays `value`. */
  show(value) {
    this.#control.show(value);
    const text = shown(this.#parameter, value);
    if (this.#number && document.activeElement !== this.#number) this.#number.value = text;
    this.#reset.disabled = text === shown(this.#parameter, this.#parameter.default);
  }

  #build() {
    const {label, address, moves} = this.#parameter;
    const name = element("span", {className: "name"}, label);
    const target = moves ? [element("span", {className: "moves"}, `→ ${moves}`)] : [];
    const copy = copying(element("button", {type: "button", className: "address"}), address);
    const value = isSwitch(this.#parameter) ? [] : [this.#value()];
    return element("div", {className: "row"},
      name, ...target, copy, ...value, this.#reset, this.#control.element);
  }

  #value() {
    const {label, unit} = this.#parameter;
    this.#number = element("input", {
      type: "text", inputMode: "decimal", className: "number", autocomplete: "off",
      "aria-label": `${label} in ${unit || "its own unit"}`,
      onfocus: () => this.#number.select(),
      onblur: () => this.#show_typed(),
      onkeydown: (event) => this.#key(event),
    });
    return element("span", {className: "value"}, this.#number,
      element("span", {className: "unit"}, unit));
  }

  #key(event) {
    if (event.key === "Enter") {
      const value = typed(this.#parameter, this.#number.value);
      if (value !== null) this.#control.set(value);
      this.#number.blur();
    } else if (event.key === "Escape") this.#number.blur();
  }
}
