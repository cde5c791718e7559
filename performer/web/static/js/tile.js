// One preset in the grid: its picture recalls it, and small keys lay it at either end of the fader.

import {element, say} from "./dom.js";

export class Tile {
  #picture = element("img", {alt: "", hidden: true, draggable: false});
  #name = element("span", {className: "name"});
  #place = element("span", {className: "place", "aria-hidden": "true"});
  #recall;
  #ends;
  #more;
  preset = null;

  /** `recall(preset)`, `choose("a" | "b", preset)` and `more(preset)` are called by its keys. */
  constructor({recall, choose, more}) {
    this.#recall = element("button", {
      type: "button", className: "recall", onclick: () => recall(this.preset),
    }, this.#picture, this.#place, this.#name);
    const end = (letter) => element("button", {
      type: "button", className: "end-key",
      onclick: () => choose(letter, this.preset),
    }, letter.toUpperCase());
    this.#ends = {a: end("a"), b: end("b")};
    this.#more = element("button", {
      type: "button", className: "end-key more", onclick: () => more(this.preset),
    }, "⋯");
    this.element = element("div", {className: "tile"}, this.#recall,
      element("div", {className: "ends"}, this.#ends.a, this.#ends.b, this.#more));
  }

  /** It stands for this preset. */
  take(preset) {
    this.preset = preset;
    const {name, number, picture} = preset;
    say(this.#name, name);
    say(this.#place, `${number}`);
    this.#recall.setAttribute("aria-label", `recall ${name}`);
    if (number < 10) this.#recall.setAttribute("aria-keyshortcuts", number);
    this.#ends.a.setAttribute("aria-label", `${name} at end A`);
    this.#ends.b.setAttribute("aria-label", `${name} at end B`);
    this.#more.setAttribute("aria-label", `more for ${name}`);
    this.#more.hidden = !preset.own;
    this.#picture.hidden = !picture;
    if (picture && this.#picture.getAttribute("src") !== picture) this.#picture.src = picture;
    this.element.style.setProperty("--hue", `${(number * 47) % 360}`);
  }

  /** Whether it lies at either end, and how much of it plays (0 … 1). */
  mark(a, b, share) {
    this.#ends.a.setAttribute("aria-pressed", a);
    this.#ends.b.setAttribute("aria-pressed", b);
    this.element.style.setProperty("--share", share.toFixed(3));
    this.element.toggleAttribute("data-plays", share > 0.999);
  }
}
