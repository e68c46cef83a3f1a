/** Candles of one instrument: those of the server, updated by newer prices. Knows no DOM. */

export function fromHistory(data) {
  return data
    .map((candle) => ({ ...candle, time: Date.parse(candle.timestamp) / 1000 }))
    .filter((candle) => Number.isFinite(candle.time))
    .sort((one, other) => one.time - other.time)
    .map(({ time, open, high, low, close }) => ({ time, open, high, low, close }));
}

/** The candle (of so many seconds) that a quote updates, or a new one; null for an older quote. */
export function next(last, quote, seconds) {
  const moment = Date.parse(quote.provider_time ?? quote.timestamp) / 1000;
  if (!Number.isFinite(moment) || !Number.isFinite(quote.price)) return null;
  const time = moment - (moment % seconds);
  const { price } = quote;
  if (!last || time > last.time) return { time, open: price, high: price, low: price, close: price };
  if (time < last.time) return null;
  return {
    ...last,
    high: Math.max(last.high, price),
    low: Math.min(last.low, price),
    close: price,
  };
}
