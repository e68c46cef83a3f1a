/** Shows the notices to the user, also those that the page missed while it was not connected. */

import * as format from "./format.js";

const LOGINS = { text: "Your logins", url: "/account/logins" };
const TOKENS = { text: "Your API tokens", url: "/account/tokens" };

export function showUserEvents(connection, notices) {
  // The number of the last event; null until the server has said from which one on it sends.
  let last = null;

  connection.on("connect", () => connection.send("resume", { since: last }));
  connection.on("resumed", ({ event }) => {
    last = event;
  });
  // Without its number: the page was away for so long that the events in between are deleted.
  connection.on("reload", ({ event }) => {
    last = event ?? last;
  });
  connection.on("notice", ({ event, code, message, at }) => {
    last = event;
    const time = format.timeOfDay(at);
    const link = code.startsWith("TOKEN") ? TOKENS : LOGINS;
    notices.replace("user", `${time} UTC: ${message}`, { kind: "info", link });
  });
}
