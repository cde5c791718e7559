// What the clusters of a bent layer respond to, beside the bend: to choose one by looking.

import {copy, element, say} from "./dom.js";

const SIDE = 16; // of a picture, in cells
// From where channels are weak to where they are strong: from black by the light of the page to white.
const WARMTH = [0.75, 1.2, 2.2];

/** The clusters of one layer, in a row under the knobs of a bend. */
class Strip {
  #title = element("p", {className: "title"});
  #list = element("ul");
  #cells = [];
  element = element("div", {className: "strip", role: "group"}, this.#title, this.#list);

  /** The bend chooses from this group, and has chosen `cluster`, or none. */
  show({cluster, of}, {layer, names, channels, shades}) {
    const title = `${names.length} clusters of ${layer}`;
    this.element.setAttribute("aria-label", title);
    say(this.#title, title);
    if (this.#cells.length !== names.length) this.#lay(names.length);
    const bytes = Uint8Array.from(atob(shades), (each) => each.charCodeAt(0));
    names.forEach((name, index) => {
      const seen = bytes.subarray(index * SIDE * SIDE, (index + 1) * SIDE * SIDE);
      this.#cells[index].show({name, count: channels[index], chosen: index === cluster, of, seen});
    });
  }

  #lay(count) {
    this.#cells = [...Array(count).keys()].map((index) => new Cell(index));
    this.#list.replaceChildren(...this.#cells.map((cell) => cell.element));
  }
}

/** One cluster: its picture, number and name; a click copies what to write into the scene. */
class Cell {
  #index;
  #canvas = element("canvas", {width: SIDE, height: SIDE, "aria-hidden": "true"});
  #name = element("span", {className: "name"});
  #button;

  constructor(index) {
    this.#index = index;
    const number = element("span", {className: "place", "aria-hidden": "true"}, `${index}`);
    this.#button = element("button", {type: "button", className: "cluster"},
      this.#canvas, number, this.#name);
    this.element = element("li", {}, this.#button);
  }

  show({name, count, chosen, of, seen}) {
    const choice = of ? `{cluster: ${this.#index}, of: ${of}}` : `{cluster: ${this.#index}}`;
    const yaml = `channels: ${choice}`;
    say(this.#name, name);
    this.#button.disabled = count === 0;
    this.#button.title = `${count} channels; copies ${yaml}`;
    this.#button.setAttribute("aria-label", `cluster ${this.#index}, ${name}: copy ${yaml}`);
    if (chosen) this.#button.setAttribute("aria-current", "true");
    else this.#button.removeAttribute("aria-current");
    this.#button.onclick = () => copy(yaml);
    this.#paint(seen);
  }

  #paint(seen) {
    const picture = new ImageData(SIDE, SIDE);
    seen.forEach((shade, at) => {
      const light = WARMTH.map((power) => 255 * (shade / 255) ** power);
      picture.data.set([...light, 255], at * 4);
    });
    this.#canvas.getContext("2d").putImageData(picture, 0, 0);
  }
}

export class Clusters {
  #strips = new Map(); // by the name of the bend

  /** Show a message; `section(name)` is where the knobs of that bend are, if anywhere. */
  show({bends, groups}, section) {
    for (const [name, strip] of this.#strips) if (!(name in bends)) strip.element.remove();
    this.#strips = new Map(Object.entries(bends).map(([name, chosen]) => {
      const strip = this.#strips.get(name) ?? new Strip();
      strip.show(chosen, groups[chosen.group]);
      if (strip.element.parentElement !== section(name)) section(name)?.append(strip.element);
      return [name, strip];
    }));
  }
}
