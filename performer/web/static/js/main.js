// The page: a picture, what it plays with, and how everything is.

import {Clusters} from "./clusters.js";
import {Connection} from "./connection.js";
import {find, toast} from "./dom.js";
import {Figures} from "./figures.js";
import {Lamps} from "./lamps.js";
import {hideToken, offerLink} from "./link.js";
import {Master} from "./master.js";
import {
  showConnection, showCurtain, showNext, showOperators, showProblems, showUntrained,
} from "./notices.js";
import {Hands, Parameters} from "./parameters.js";
import {Presets} from "./presets.js";
import {Preview} from "./preview.js";
import {offerScenes} from "./scenes.js";

const NO_PREVIEW =
  "This scene has no preview. Add `page: {kind: page}` to its outputs to see the picture here.";

let scene = null;
let parameters = null;
let connected = false;

const receive = {
  scene(message) {
    scene = message;
    document.title = `${scene.name} · Performer`;
    offerScenes(scene, (name) => connection.send({call: name}));
    master.take(scene);
    presets.take(scene);
    if (parameters?.isOf(scene)) parameters.show(scene.parameters.map(({value}) => value));
    else parameters = new Parameters(find("panel"), scene, move);
    showUntrained(scene.untrained, scene.seed);
    offerLink(scene.link);
  },
  values(message) {
    parameters?.show(message.changed);
    master.show(message.changed);
    presets.show(message.changed);
  },
  presets(message) {
    presets.list(message);
  },
  clusters(message) {
    clusters.show(message, (group) => parameters?.section(group));
  },
  status(message) {
    figures.show(message, preview.delayMs);
    lamps.show(message);
    showOperators(message.operators);
    showProblems(message.problems);
    showNext(message.next);
    parameters?.hide(message.model.without ?? []);
    if (message.model.untrained) showUntrained(true, scene?.seed);
    showCurtain(curtain(message));
  },
  error(message) {
    toast(message.line);
  },
};

function curtain({state}) {
  if (!connected) return "reconnecting …";
  if (state !== "plays") return `render: ${state ?? "starting"}`;
  return Object.values(scene?.outputs ?? {}).includes("page") ? "" : NO_PREVIEW;
}

const figures = new Figures(find("figures"));
const lamps = new Lamps(find("lamps"), (name) => connection.send({retry: name}));
const preview = new Preview(find("preview"), (number) => connection.send({seen: number}));
const hands = new Hands((message) => connection.send(message));
const move = (name, value) => hands.move(name, value);
const master = new Master(find("master"), move);
const clusters = new Clusters();
const presets = new Presets(find("presets"), move, (preset) => connection.send({preset}));
const connection = new Connection({
  message: (message) => receive[message.type]?.(message),
  preview: (bytes) => preview.show(bytes),
  state(state) {
    connected = state === "open";
    showConnection(state);
    if (!connected) showCurtain(curtain({}));
  },
});

hideToken();
