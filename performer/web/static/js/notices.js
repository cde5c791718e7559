// What must not be overlooked: an untrained network, problems, a picture that is not there.

import {element, find, say} from "./dom.js";

const CONNECTION = {
  open: ["good", "connected"],
  lost: ["waits", "reconnecting …"],
  refused: ["bad", "this link has run out; scan the new code"],
};

/** Show whether we are connected: "open", "lost" or "refused". */
export function showConnection(state) {
  const [lamp, line] = CONNECTION[state];
  const pill = find("connection");
  pill.dataset.lamp = lamp;
  say(pill, line);
  document.body.dataset.connection = state;
}

/** Say it when the network is untrained. */
export function showUntrained(untrained, seed) {
  const made = Number.isInteger(seed) ? `was made from seed ${seed} and ` : "";
  const shows = "shows what the instrument does, not what a model can do";
  const place = find("untrained");
  place.hidden = !untrained;
  say(place, untrained ? `This network is untrained: it ${made}${shows}.` : "");
}

/** Say which operators play, and why. */
export function showOperators(line) {
  say(find("operators"), line ? `operators: ${line}` : "");
}

/** Say what is being made ready while something else plays. */
export function showNext({state, scene, model} = {}) {
  const place = find("next");
  place.hidden = state !== "loads";
  say(place, place.hidden ? "" : `${scene} is made ready, with ${model}; what plays goes on …`);
}

/** Show a line for each problem; none when all is well. */
export function showProblems(problems) {
  const place = find("problems");
  const now = [...place.children].map((item) => item.textContent);
  if (now.join("\n") !== problems.join("\n")) {
    place.replaceChildren(...problems.map((line) => element("li", {}, line)));
  }
}

/** Draw a curtain with a line over the picture, or open it. */
export function showCurtain(line) {
  const place = find("curtain");
  place.hidden = !line;
  say(place, line);
}
