// All parameters in their groups; macros first and large.

import {element} from "./dom.js";
import {Row} from "./row.js";

/** `bends.twist` reads `Bends › twist`. */
function title(group) {
  const [section, ...rest] = group.split(".");
  return [section[0].toUpperCase() + section.slice(1), ...rest].join(" › ");
}

/** Those without a group are the master's, and those of the morph the presets'. */
const isOurs = (group) => group && group !== "morph";

/** Everything of a scene's parameters but where they stand. */
const shape = ({groups, parameters}) =>
  JSON.stringify([groups, parameters.map((parameter) => ({...parameter, value: 0}))]);

export class Parameters {
  #rows = [];
  #names;
  #byName;
  #sections;
  #shape;

  /** Build the rows of a scene into `place`; `send(name, value)` is called by a hand's move. */
  constructor(place, scene, send) {
    const titled = Object.entries(scene.groups).filter(([group]) => isOurs(group));
    const groups = titled.map(([group, kind]) => {
      const heading = element("h2", {}, title(group));
      if (kind) heading.append(element("span", {className: "kind"}, kind));
      return [group, element("section", {className: `group ${group.split(".")[0]}`}, heading)];
    });
    const sections = Object.fromEntries(groups);
    for (const parameter of scene.parameters) {
      const row = isOurs(parameter.group) ? new Row(parameter, send) : null;
      this.#rows.push(row);
      if (row) sections[parameter.group].append(row.element);
    }
    this.#names = scene.parameters.map(({name}) => name);
    this.#byName = sections;
    this.#sections = groups.map(([, section]) => section);
    place.replaceChildren(...this.#sections);
    this.#shape = shape(scene);
  }

  /** Whether these are the rows of `scene`, so that a hand may stay where it is. */
  isOf(scene) {
    return this.#shape === shape(scene);
  }

  /** Where the rows of a group such as `bends.twist` are. */
  section(group) {
    return this.#byName[group];
  }

  /** Hide the rows of `names`, which do nothing, and every group of which none is left. */
  hide(names) {
    const hidden = new Set(names);
    this.#rows.forEach((row, place) => {
      if (row) row.element.hidden = hidden.has(this.#names[place]);
    });
    for (const section of this.#sections) section.hidden = !section.querySelector(".row:not([hidden])");
  }

  /** The instrument plays these values, by place. */
  show(changed) {
    for (const [place, value] of Object.entries(changed)) this.#rows[place]?.show(value);
  }
}

/** Gathers what hands move, and sends it once with each frame of the display. */
export class Hands {
  #send;
  #moved = {};
  #planned = false;

  constructor(send) {
    this.#send = send;
  }

  move(name, value) {
    this.#moved[name] = value;
    if (this.#planned) return;
    this.#planned = true;
    requestAnimationFrame(() => {
      this.#planned = false;
      this.#send({set: this.#moved});
      this.#moved = {};
    });
  }
}
