// One slider. The line is where the hand put it, the bar is what the instrument plays; they part
// while a value glides, and a slider that is held is never moved by anybody else.

import {element} from "./dom.js";
import {positionOf, shown, valueAt} from "./curve.js";
import {Grip} from "./grip.js";

const SLOP = 6; // pixels a finger moves before it is a drag and not a scroll
const FINE = 0.1;
const DOUBLE_MS = 350;
const KEYS = {
  ArrowRight: 0.01, ArrowUp: 0.01, ArrowLeft: -0.01, ArrowDown: -0.01,
  PageUp: 0.1, PageDown: -0.1, Home: -1, End: 1,
};

export class Slider {
  #knob;
  #move;
  #position = 0; // of the hand
  #value = 0; // that is played
  #drag = null;
  #grip = new Grip(() => this.#put(positionOf(this.#knob, this.#value)));
  #tapped = 0;

  /** `move(value)` is called when a hand moves it. */
  constructor(knob, move) {
    this.#knob = knob;
    this.#move = move;
    this.element = element("div", {
      className: "slider", role: "slider", tabIndex: 0,
      "aria-label": `${knob.group} ${knob.label}`,
      "aria-valuemin": knob.low, "aria-valuemax": knob.high,
    }, element("i", {className: "fill"}), element("i", {className: "mark"}),
    element("i", {className: "hand"}));
    this.#place("--mark", positionOf(knob, knob.default));
    this.#place("--zero", knob.low < 0 && knob.high > 0 ? positionOf(knob, 0) : 0);
    this.#listen();
  }

  /** The instrument plays `value`. */
  show(value) {
    this.#value = value;
    this.#place("--played", positionOf(this.#knob, value));
    if (!this.#grip.held) this.#put(positionOf(this.#knob, value));
    this.#tell(value);
  }

  /** A hand sets it, here or in the number beside it. */
  set(value) {
    this.#put(positionOf(this.#knob, value));
    this.#hold();
    this.#move(value);
  }

  #hold() {
    if (this.#drag) this.#grip.take();
    else this.#grip.letGo();
  }

  #put(position) {
    this.#position = position;
    this.#place("--hand", position);
  }

  #place(name, position) {
    this.element.style.setProperty(name, position.toFixed(5));
  }

  #tell(value) {
    this.element.setAttribute("aria-valuenow", value);
    this.element.setAttribute("aria-valuetext", `${shown(this.#knob, value)} ${this.#knob.unit}`);
  }

  #turn(position) {
    this.#position = Math.min(Math.max(position, 0), 1);
    const value = valueAt(this.#knob, this.#position);
    this.#place("--hand", positionOf(this.#knob, value));
    this.#hold();
    this.#move(value);
  }

  #listen() {
    const on = (event, listener) => this.element.addEventListener(event, listener);
    on("pointerdown", (event) => this.#down(event));
    on("pointermove", (event) => this.#drag?.pointer === event.pointerId && this.#dragged(event));
    on("pointerup", (event) => this.#drag?.pointer === event.pointerId && this.#up(event));
    on("pointercancel", (event) => this.#drag?.pointer === event.pointerId && this.#end());
    on("keydown", (event) => this.#key(event));
  }

  #down(event) {
    if (event.button !== 0 || this.#drag) return;
    this.element.setPointerCapture(event.pointerId);
    this.#drag = {pointer: event.pointerId, x: event.clientX, moved: false};
    if (event.pointerType !== "touch") this.#turn(this.#at(event));
  }

  #dragged(event) {
    const drag = this.#drag;
    if (!drag.moved) {
      if (Math.abs(event.clientX - drag.x) < (event.pointerType === "touch" ? SLOP : 2)) return;
      drag.moved = true;
      drag.position = this.#at(event);
    } else {
      const moved = (event.clientX - drag.x) / this.element.clientWidth;
      drag.position += event.shiftKey ? moved * FINE : moved;
    }
    drag.x = event.clientX;
    this.element.dataset.held = "yes";
    this.#turn(drag.position);
  }

  #up(event) {
    const {moved} = this.#drag;
    this.#end();
    if (moved) return;
    const twice = event.timeStamp - this.#tapped < DOUBLE_MS;
    this.#tapped = twice ? 0 : event.timeStamp;
    if (twice) this.set(this.#knob.default);
    else if (event.pointerType === "touch") this.#turn(this.#at(event));
  }

  #end() {
    this.#drag = null;
    delete this.element.dataset.held;
    this.#hold();
  }

  #at(event) {
    const box = this.element.getBoundingClientRect();
    return (event.clientX - box.left) / box.width;
  }

  #key(event) {
    if (event.key === "Backspace" || event.key === "Delete") this.set(this.#knob.default);
    else if (event.key in KEYS && !event.ctrlKey && !event.metaKey && !event.altKey) {
      this.#turn(this.#position + this.#stride(KEYS[event.key], event.shiftKey));
    } else return;
    event.preventDefault();
  }

  /** How far a key goes: a step of a stepped knob at least. */
  #stride(share, fine) {
    const {low, high, step} = this.#knob;
    const one = fine ? share * FINE : share;
    return step ? Math.sign(one) * Math.max(Math.abs(one), step / (high - low)) : one;
  }
}
