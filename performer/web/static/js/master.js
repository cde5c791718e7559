// What saves a show, whatever plays: freeze, blackout and panic, each on a key.

import {copying, element} from "./dom.js";

const TYPED_IN = "input, select, textarea, dialog[open] *";

/** A button that says its key, and is pressed by it. */
class Key {
  #press;

  constructor(name, press, properties) {
    this.name = name;
    this.letter = name[0];
    this.#press = press;
    const label = element("span", {}, name[0].toUpperCase() + name.slice(1));
    const key = element("kbd", {"aria-hidden": "true"}, this.letter.toUpperCase());
    this.element = element("button", {
      type: "button", className: `key ${name}`, "aria-keyshortcuts": this.letter,
      onclick: () => this.press(), ...properties,
    }, label, key);
  }

  press() {
    this.#press();
  }

  /** It stands at a value; nothing to see where it cannot stay. */
  show() {}
}

/** One that stays pressed, and shows how far its fade is. */
class Toggle extends Key {
  #on = false;

  constructor(name, move) {
    super(name, () => move(name, this.#turn(!this.#on)), {"aria-pressed": false});
  }

  show(value) {
    this.element.style.setProperty("--share", value.toFixed(3));
    if (value === 0 || value === 1) this.#turn(value === 1); // on the way, the last word counts
  }

  #turn(on) {
    this.#on = on;
    this.element.setAttribute("aria-pressed", on);
    return Number(on);
  }
}

export class Master {
  #keys;
  #places = new Map();

  /** `move(name, value)` is called by a press. */
  constructor(place, move) {
    this.#keys = [
      new Toggle("freeze", move), new Toggle("blackout", move),
      new Key("panic", () => move("panic", 1), {title: "every bend glides to where it does nothing"}),
    ];
    for (const {element: key, name} of this.#keys) {
      const address = element("button", {type: "button", className: "address"});
      place.append(element("div", {}, key, copying(address, `/${name}`)));
    }
    addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** The parameters of another scene. */
  take({parameters}) {
    const places = new Map(parameters.map(({name}, place) => [name, place]));
    this.#places = new Map(this.#keys.map((key) => [places.get(key.name), key]));
    for (const [place, key] of this.#places) key.show(parameters[place].value);
  }

  /** The instrument plays these values, by place. */
  show(changed) {
    for (const [place, key] of this.#places) if (place in changed) key.show(changed[place]);
  }

  #pressed(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.(TYPED_IN)) return;
    const key = this.#keys.find(({letter}) => letter === event.key.toLowerCase());
    if (!key) return;
    event.preventDefault();
    key.press();
  }
}
