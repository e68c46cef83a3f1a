/** The sources of prices and how each one stands. */

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
  polling: "answers when asked",
  standby: "standing by",
  unknown: "unknown",
};

export function describeState(name) {
  return STATES[name] ?? name;
}

/** Whether nothing runs of what is switched on. */
export function areStopped(status) {
  const sources = Object.values(status).filter(({ state }) => state !== "off");
  return sources.length > 0 && sources.every(({ state }) => state === "stopped");
}

export function createSources(list) {
  let latest = {};
  let isUp = false;

  function draw() {
    // What is switched off, or has no key, is for administrators to know.
    const shown = Object.entries(latest).filter(([, { state }]) => state !== "off");
    list.replaceChildren(...shown.map(([name, source]) => createItem(name, source)));
  }

  // Without a link to the server nobody knows how its sources stand.
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
