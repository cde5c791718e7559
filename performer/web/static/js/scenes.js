// The scene that plays, and those that may be called instead.

import {element, find} from "./dom.js";

/** Show the scenes to choose from; `call(name)` is called with the one that is wanted. */
export function offerScenes({file, name, scenes}, call) {
  const chooser = find("scene");
  const names = scenes.includes(file) ? scenes : [file, ...scenes];
  const labels = names.map((each) => (each === file ? name : each));
  chooser.replaceChildren(...names.map((each, place) =>
    element("option", {value: each, selected: each === file}, labels[place])));
  chooser.disabled = names.length < 2;
  chooser.onchange = () => {
    call(chooser.value);
    chooser.value = file; // until it plays
    chooser.blur(); // so that the keys of the master are heard
  };
}
