// The presets: a grid to recall and to blend them, a fader between two, and the way back.

import {copying, element, find, say} from "./dom.js";
import {Pad} from "./pad.js";
import {offerChoices} from "./preset_choices.js";
import {Slider} from "./slider.js";
import {Tile} from "./tile.js";

const TYPED_IN = "input, select, textarea, dialog[open] *";
const NOTHING = "nothing";
const BEFORE = "before";
const LEAST_SHARE = 0.005; // that is worth a word

/** A button with a word, and what it does. */
const button = (text, onclick, properties = {}) =>
  element("button", {type: "button", className: "plain", onclick, ...properties}, text);

export class Presets {
  #ask;
  #move;
  #places = {}; // of the morph's own parameters
  #values = {};
  #tiles = new Map(); // by number
  #columns = 4;
  #grid = element("div", {className: "grid"});
  #ends = {a: element("output", {className: "end"}), b: element("output", {className: "end"})};
  #fader = element("div", {className: "fader"});
  #pad;
  #seconds;
  #blend;
  #position = null;

  /** `move(name, value)` is a hand's; `ask({do: …})` is for what a preset is to do. */
  constructor(place, move, ask) {
    this.#ask = ask;
    this.#move = move;
    this.#pad = new Pad(this.#grid, (x, y) => {
      move("morph.x", x);
      move("morph.y", y);
    });
    this.#seconds = element("input", {
      id: "preset-seconds", type: "number", min: 0, max: 60, step: 0.5, value: 0,
      onchange: () => move("morph.seconds", Number(this.#seconds.value) || 0),
    });
    this.#blend = button("Blend", () => this.#toBlend(!this.#pad.active), {
      "aria-pressed": false, title: "play between the presets, with a finger or the arrow keys",
    });
    place.append(this.#head(), this.#grid, this.#fader);
    this.list({columns: 4, presets: []});
    addEventListener("keydown", (event) => this.#pressed(event));
  }

  /** The parameters of another scene. */
  take({parameters}) {
    const own = parameters.map((each, place) => ({...each, place}))
      .filter(({group}) => group === "morph");
    this.#places = Object.fromEntries(own.map(({label, place}) => [place, label]));
    const position = own.find(({label}) => label === "position");
    if (!position) return;
    const knob = {...position, group: "between", label: "A and B"};
    this.#position = new Slider(knob, (value) => this.#move("morph.position", value));
    this.#position.show(position.value);
    const address = element("button", {type: "button", className: "address"});
    this.#fader.replaceChildren(this.#ends.a, this.#position.element, this.#ends.b,
      copying(address, position.address));
    this.show(Object.fromEntries(own.map(({place, value}) => [place, value])));
  }

  /** The presets there are. */
  list({columns, presets}) {
    this.#columns = columns;
    const former = this.#tiles;
    this.#tiles = new Map(presets.map((preset) => {
      const known = former.get(preset.number) ?? new Tile(this.#deeds());
      known.take(preset);
      return [preset.number, known];
    }));
    this.#lay();
    this.#mark();
  }

  /** The instrument plays these values, by place. */
  show(changed) {
    let ours = false;
    for (const [place, value] of Object.entries(changed)) {
      const label = this.#places[place];
      if (!label) continue;
      this.#values[label] = value;
      ours = true;
    }
    if (!ours) return;
    const {position, x, y, seconds} = this.#values;
    this.#position?.show(position);
    this.#pad.show(x, y);
    if (document.activeElement !== this.#seconds) this.#seconds.value = Number(seconds.toFixed(1));
    this.#mark();
  }

  #head() {
    const label = element("label", {htmlFor: "preset-seconds"}, "in");
    return element("div", {className: "head"},
      element("h2", {id: "presets-title"}, "Presets"),
      element("span", {className: "fade"}, label, this.#seconds, element("span", {}, "s")),
      this.#blend,
      button("Revert", () => this.#ask({do: "revert"}), {
        title: "back to what stood before the last recall or morph",
      }),
      button("Scene", () => this.#ask({do: "revert", to: "scene"}), {
        title: "back to what the scene says", "aria-label": "revert to the scene",
      }));
  }

  #deeds() {
    return {
      recall: ({name}) => this.#ask({do: "recall", name}),
      choose: (end, {number}) => this.#move(`morph.${end}`, number),
      more: (preset) => offerChoices(preset, this.#ask),
    };
  }

  /** Every preset in its place, empty ones between, and one more to save into. */
  #lay() {
    const numbers = [...this.#tiles.keys()];
    const last = Math.max(0, ...numbers);
    const free = [...Array(last + 1).keys()].map((place) => place + 1)
      .find((number) => !this.#tiles.has(number));
    const cells = [];
    for (let number = 1; number <= Math.max(last, free); number += 1) {
      const tile = this.#tiles.get(number);
      cells.push(tile ? tile.element : this.#empty(number === free, number > last));
    }
    this.#grid.style.setProperty("--columns", this.#columns);
    this.#grid.replaceChildren(...cells);
    this.#pad.lay(last, this.#columns);
  }

  #empty(first, beyond) {
    const className = beyond ? "tile empty beyond" : "tile empty";
    if (!first) return element("div", {className});
    const save = element("button", {
      type: "button", className: "save", "aria-keyshortcuts": "s",
      onclick: () => this.#save(),
    }, element("span", {className: "plus", "aria-hidden": "true"}, "+"), "Save");
    return element("div", {className}, save);
  }

  #save() {
    const names = new Set([...this.#tiles.values()].map(({preset}) => preset.name));
    let number = 1;
    while (names.has(`Preset ${number}`)) number += 1;
    this.#ask({do: "save", name: `Preset ${number}`});
  }

  #toBlend(active) {
    this.#pad.active = active;
    this.#blend.setAttribute("aria-pressed", active);
    this.#mark();
  }

  /** Show which presets play, and which lie at the ends of the fader. */
  #mark() {
    const {a = 0, b = 0, position = 0} = this.#values;
    const mixed = [];
    for (const [number, tile] of this.#tiles) {
      const onFader = (number === b ? position : 0) + (number === a ? 1 - position : 0);
      const share = this.#pad.active ? this.#pad.share(number) : onFader;
      tile.mark(number === a, number === b, share);
      if (share >= LEAST_SHARE) mixed.push(`${tile.preset.name} ${Math.round(share * 100)} %`);
    }
    if (this.#pad.active) this.#pad.tell(mixed.join(", "));
    const named = (number, other) => this.#tiles.get(number)?.preset.name ?? (other ? BEFORE : NOTHING);
    say(this.#ends.a, named(a, b));
    say(this.#ends.b, named(b, a));
  }

  /** 1 … 9 recall, S saves. */
  #pressed(event) {
    if (event.repeat || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches?.(TYPED_IN)) return;
    const tile = this.#tiles.get(Number(event.key));
    if (tile) this.#ask({do: "recall", name: tile.preset.name});
    else if (event.key.toLowerCase() === "s") this.#save();
    else return;
    event.preventDefault();
  }
}

find("preset-dialog").addEventListener("close", () => document.activeElement?.blur());
