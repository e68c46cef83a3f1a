/** Formats figures and times for the pages. An absent one is a dash. */

export const ABSENT = "–";

const formats = new Map();

function fixed(decimals) {
  if (!formats.has(decimals)) {
    const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
    formats.set(decimals, new Intl.NumberFormat("en-US", digits));
  }
  return formats.get(decimals);
}

const compact = new Intl.NumberFormat("en-US", { notation: "compact", maximumFractionDigits: 2 });
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
const weekday = new Intl.DateTimeFormat("en-GB", { weekday: "short", timeZone: "UTC" });

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

export function price(value, decimals) {
  return isNumber(value) ? fixed(decimals).format(value) : ABSENT;
}

const SIGNS = { up: "+", down: "−", none: "" };

/** An amount with its sign; none where the rounded amount is zero. */
export function signed(value, decimals) {
  if (!isNumber(value)) return ABSENT;
  return `${SIGNS[signedDirection(value, decimals)]}${fixed(decimals).format(Math.abs(value))}`;
}

/** The direction of an amount; none where the rounded amount is zero. */
export function signedDirection(value, decimals) {
  return direction(isNumber(value) ? Math.round(value * 10 ** decimals) : null);
}

export function percent(value) {
  if (!isNumber(value)) return ABSENT;
  return `${SIGNS[changeDirection(value)]}${fixed(2).format(Math.abs(value))} %`;
}

/** The direction of a change in percent; none where the rounded change is zero. */
export function changeDirection(value) {
  return direction(isNumber(value) ? Math.round(value * 100) : null);
}

export function direction(value) {
  if (!isNumber(value) || value === 0) return "none";
  return value > 0 ? "up" : "down";
}

/** The direction from one value to the next; none where either is absent. */
export function movement(from, to) {
  return isNumber(from) && isNumber(to) ? direction(to - from) : "none";
}

export function amount(value) {
  return isNumber(value) ? compact.format(value) : ABSENT;
}

export function count(value) {
  return isNumber(value) ? whole.format(value) : ABSENT;
}

export function rate(value) {
  return isNumber(value) ? fixed(1).format(value) : ABSENT;
}

/** The distance between bid and ask, also in hundredths of a percent of their middle. */
export function spread(bid, ask, decimals) {
  if (!isNumber(bid) || !isNumber(ask)) return ABSENT;
  const points = ((ask - bid) / ((ask + bid) / 2)) * 10_000;
  return `${price(ask - bid, decimals)} (${fixed(1).format(points)} bp)`;
}

/** A length of time in its largest unit, or its two largest with `parts`. */
export function duration(milliseconds, parts = 1) {
  const seconds = Math.floor(Math.max(0, milliseconds) / 1000);
  const units = [
    [Math.floor(seconds / 86_400), "d"],
    [Math.floor(seconds / 3_600) % 24, "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ];
  const first = units.findIndex(([size]) => size > 0);
  if (first === -1) return "0 s";
  const shown = units.slice(first, first + parts).filter(([size]) => size > 0);
  return shown.map(([size, unit]) => `${size} ${unit}`).join(" ");
}

export function age(timestamp, now) {
  const then = Date.parse(timestamp);
  return Number.isNaN(then) ? ABSENT : duration(now - then);
}

/** The time of day in UTC, with milliseconds where they matter. */
export function timeOfDay(timestamp, { milliseconds = false } = {}) {
  const date = new Date(timestamp ?? NaN);
  if (Number.isNaN(date.getTime())) return ABSENT;
  return date.toISOString().slice(11, milliseconds ? 23 : 19);
}

/** A moment within the next days: "Mon 13:30". */
export function moment(timestamp) {
  const date = new Date(timestamp ?? NaN);
  if (Number.isNaN(date.getTime())) return ABSENT;
  return `${weekday.format(date)} ${date.toISOString().slice(11, 16)}`;
}

/** A day in UTC: "2024-08-08". */
export function day(timestamp) {
  return dayAndTime(timestamp).slice(0, 10);
}

/** A moment on any day: "2024-08-08 13:30". */
export function dayAndTime(timestamp) {
  const date = new Date(timestamp ?? NaN);
  if (Number.isNaN(date.getTime())) return ABSENT;
  return date.toISOString().slice(0, 16).replace("T", " ");
}

/** A moment on any day to the second: "2024-08-08 13:30:05". */
export function dayAndSecond(timestamp) {
  const date = new Date(timestamp ?? NaN);
  if (Number.isNaN(date.getTime())) return ABSENT;
  return date.toISOString().slice(0, 19).replace("T", " ");
}

/** A length of time in seconds, with tenths where it is short. */
export function seconds(value) {
  return value < 60 ? `${fixed(1).format(value)} s` : duration(value * 1000, 2);
}

/** "after_hours" in words: "after hours". */
export function words(name) {
  return String(name).replaceAll("_", " ");
}
