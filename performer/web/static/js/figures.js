// Frame rate, intervals, what came late: what a performer looks at before doors open.

import {element, say} from "./dom.js";

const digits = (value, count) => (Number.isFinite(value) ? value.toFixed(count) : "–");

const FIGURES = [
  ["rate", "frame rate", "fps", (status) => digits(status.fps, 1)],
  ["interval", "interval, 50 · 95 · 99 %", "ms", ({interval_ms: marks}) =>
    [marks?.p50, marks?.p95, marks?.p99].map((mark) => digits(mark, 1)).join(" · ")],
  ["late", "late", "frames", (status) => digits(status.late, 0)],
  ["paint", "painting", "ms", (status) => digits(status.paint_ms, 1)],
  ["delay", "source to frame", "ms", (status, delay) => digits(delay, 0)],
];

export class Figures {
  #places = {};

  constructor(place) {
    for (const [key, name, unit] of FIGURES) {
      this.#places[key] = element("span", {className: "digits"}, "–");
      const value = element("dd", {}, this.#places[key]);
      value.append(element("span", {className: "unit"}, unit));
      place.append(element("div", {className: `figure ${key}`}, element("dt", {}, name), value));
    }
  }

  /** Show a status message and the measured delay in milliseconds, or null. */
  show(status, delay) {
    for (const [key, , , text] of FIGURES) {
      const shown = text(status, delay ?? NaN);
      say(this.#places[key], shown);
      this.#places[key].closest(".figure").hidden = shown === "–";
    }
  }
}
