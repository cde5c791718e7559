// One parameter: its name, address, value and slider.

import {copying, element} from "./dom.js";
import {isSwitch, shown, typed} from "./curve.js";
import {Slider} from "./slider.js";
import {Switch} from "./switch.js";

export class Row {
  #parameter;
  #control;
  #number = null;
  #text = ""; // of the value that is played
  #before = ""; // what stood there when somebody began to type
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
    });
    this.element = this.#build();
    this.show(parameter.value);
  }

  /** The instrument plays `value`. */
  show(value) {
    this.#control.show(value);
    const text = shown(this.#parameter, value);
    this.#reset.disabled = text === shown(this.#parameter, this.#parameter.default);
    if (this.#number && document.activeElement !== this.#number && text !== this.#text) {
      this.#number.value = text;
    }
    this.#text = text;
  }

  #build() {
    const {label, address, moves} = this.#parameter;
    const name = element("span", {className: "name"}, label);
    const target = moves ? [element("span", {className: "moves"}, moves)] : [];
    const copy = copying(element("button", {type: "button", className: "address"}), address);
    const value = isSwitch(this.#parameter) ? [] : [this.#value()];
    const row = element("div", {className: "row"}, name, copy, this.#reset, ...value);
    row.append(this.#control.element, ...target);
    return row;
  }

  #value() {
    const {label, unit} = this.#parameter;
    this.#number = element("input", {
      type: "text", inputMode: "decimal", className: "number", autocomplete: "off",
      "aria-label": `${label} in ${unit || "its own unit"}`,
      onfocus: () => this.#begin(),
      onblur: () => this.#take(),
      onkeydown: (event) => this.#key(event),
    });
    return element("span", {className: "value"}, this.#number,
      element("span", {className: "unit"}, unit));
  }

  #key(event) {
    if (event.key === "Escape") this.#number.value = this.#before;
    if (event.key === "Escape" || event.key === "Enter") this.#number.blur();
  }

  #begin() {
    this.#before = this.#number.value;
    this.#number.select();
  }

  /** Take what was typed, when the field is left: phones have no Enter among their digits. */
  #take() {
    const text = this.#number.value;
    const value = text === this.#before ? null : typed(this.#parameter, text);
    if (value !== null) this.#control.set(value);
    this.#number.value = value === null ? this.#text : shown(this.#parameter, value);
  }
}
