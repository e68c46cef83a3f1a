/** The sources of prices and their states. */

import { describeSource } from "./price_class.js";
import { createStatusItem } from "./status_item.js";

const STATES = {
  stopped: "stopped",
  off: "off",
  connecting: "connecting",
  connected: "connected, no prices yet",
  streaming: "streaming",
  mute: "connected but silent",
  waiting: "waiting to try again",
  polling: "polling",
  standby: "standing by",
  unknown: "unknown",
};

export function describeState(name) {
  return STATES[name] ?? name;
}

/** Whether all sources that are not off are stopped. */
export function areStopped(status) {
  const sources = Object.values(status).filter(({ state }) => state !== "off");
  return sources.length > 0 && sources.every(({ state }) => state === "stopped");
}

export function createSources(list) {
  let latest = {};
  let isUp = false;

  function draw() {
    // Sources that are off or have no key are shown to administrators only.
    const shown = Object.entries(latest).filter(([, { state }]) => state !== "off");
    list.replaceChildren(...shown.map(([name, source]) => createItem(name, source)));
  }

  // Without a connection the states are not known.
  function createItem(name, source) {
    const state = isUp ? source.state : "unknown";
    const item = createStatusItem(describeSource(name), describeState(state));
    item.dataset.source = name;
    item.dataset.state = state;
    if (source.last_error) item.title = `Last error: ${source.last_error}`;
    return item;
  }

  return {
    draw(status) {
      latest = status;
      draw();
    },

    drawLink(nowUp) {
      isUp = nowUp;
      draw();
    },
  };
}
