// The grid as a pad: wherever the finger is, the four presets around it are blended.

import {element} from "./dom.js";
import {Grip} from "./grip.js";

const STEP = 0.02;
const KEYS = {
  ArrowLeft: [-STEP, 0], ArrowRight: [STEP, 0], ArrowUp: [0, -STEP], ArrowDown: [0, STEP],
  Home: [-1, 0], End: [1, 0], PageUp: [0, -1], PageDown: [0, 1],
};
const FINE = 0.1;

const clamped = (number) => Math.min(Math.max(number, 0), 1);

export class Pad {
  #grid;
  #move;
  #wide = 4; // columns of the grid, of which fewer may be taken
  #columns = 1;
  #lines = 1;
  #x = 0;
  #y = 0;
  #played = [0, 0];
  #grip = new Grip(() => this.#put(...this.#played));
  #pointer = null;
  #puck = element("i", {className: "puck", "aria-hidden": "true"});
  #surface;

  /** Lies over `grid`; `move(x, y)` is called by a hand, 0 … 1 from the first preset to the last. */
  constructor(grid, move) {
    this.#grid = grid;
    this.#move = move;
    this.#surface = element("div", {
      className: "pad", tabIndex: 0, role: "slider", hidden: true,
      "aria-roledescription": "pad", "aria-label": "between the presets; arrow keys move",
      "aria-valuemin": 0, "aria-valuemax": 100,
    }, this.#puck);
    const on = (event, listener) => this.#surface.addEventListener(event, listener);
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#pointer === event.pointerId && this.#to(event));
    on("pointerup", (event) => this.#pointer === event.pointerId && this.#lift());
    on("pointercancel", (event) => this.#pointer === event.pointerId && this.#lift());
    on("keydown", (event) => this.#key(event));
  }

  get active() {
    return !this.#surface.hidden;
  }

  set active(active) {
    this.#surface.hidden = !active;
    this.#grid.toggleAttribute("data-pad", active);
    if (active) this.#surface.focus();
  }

  /** There are presets up to number `last`, in so many columns. */
  lay(last, columns) {
    this.#wide = columns;
    this.#columns = Math.max(Math.min(columns, last), 1);
    this.#lines = Math.max(Math.ceil(last / columns), 1);
    this.#grid.append(this.#surface);
    this.#surface.style.setProperty("--across", this.#columns);
    this.#surface.style.setProperty("--down", this.#lines);
  }

  /** The instrument plays at this place. */
  show(x, y) {
    this.#played = [x, y];
    if (!this.#grip.held) this.#put(x, y);
  }

  /** How much of the preset of this number is under the finger, 0 … 1. */
  share(number) {
    const across = this.#x * (this.#columns - 1) - (number - 1) % this.#wide;
    const down = this.#y * (this.#lines - 1) - Math.floor((number - 1) / this.#wide);
    return Math.max(1 - Math.abs(across), 0) * Math.max(1 - Math.abs(down), 0);
  }

  /** Say aloud what is under the finger. */
  tell(text) {
    this.#surface.setAttribute("aria-valuenow", Math.round(this.#x * 100)); // a slider must have one
    this.#surface.setAttribute("aria-valuetext", text);
  }

  #put(x, y) {
    [this.#x, this.#y] = [clamped(x), clamped(y)];
    this.#surface.style.setProperty("--x", (0.5 + this.#x * (this.#columns - 1)) / this.#columns);
    this.#surface.style.setProperty("--y", (0.5 + this.#y * (this.#lines - 1)) / this.#lines);
  }

  #go(x, y) {
    this.#put(x, y);
    if (this.#pointer === null) this.#grip.letGo();
    this.#move(this.#x, this.#y);
  }

  #down(event) {
    if (event.button !== 0 || this.#pointer !== null) return;
    this.#surface.setPointerCapture(event.pointerId);
    this.#pointer = event.pointerId;
    this.#grip.take();
    this.#to(event);
  }

  #lift() {
    this.#pointer = null;
    this.#grip.letGo();
  }

  /** Presets lie in the middle of their tiles. */
  #to(event) {
    const box = this.#surface.getBoundingClientRect();
    const gap = Number.parseFloat(getComputedStyle(this.#grid).columnGap);
    const place = (from, size, count) =>
      ((from + gap / 2) / (size + gap) * count - 0.5) / Math.max(count - 1, 1);
    this.#go(place(event.clientX - box.left, box.width, this.#columns),
      place(event.clientY - box.top, box.height, this.#lines));
  }

  #key(event) {
    if (!(event.key in KEYS) || event.ctrlKey || event.metaKey || event.altKey) return;
    const [across, down] = KEYS[event.key];
    const share = event.shiftKey ? FINE : 1;
    this.#go(this.#x + across * share, this.#y + down * share);
    event.preventDefault();
  }
}
