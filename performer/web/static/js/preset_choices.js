// What else can be done with a preset of one's own: another name, saving over it, deleting it.

import {find, say} from "./dom.js";

/** Offer it for `preset`; `ask({do: …})` is called with what was chosen. */
export function offerChoices(preset, ask) {
  const dialog = find("preset-dialog");
  const name = find("preset-name");
  const then = (question) => () => {
    ask(question);
    dialog.close();
  };
  say(find("preset-title"), preset.name);
  name.value = preset.name;
  find("preset-form").onsubmit = () => {
    const to = name.value.trim();
    if (to && to !== preset.name) ask({do: "rename", name: preset.name, to});
  };
  find("preset-over").onclick = then({do: "save", name: preset.name});
  find("preset-delete").onclick = then({do: "delete", name: preset.name});
  dialog.showModal();
  name.select();
}
