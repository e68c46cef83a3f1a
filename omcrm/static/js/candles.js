/** Candles of one instrument: those of the server, updated by newer prices. Knows no DOM. */

const SECONDS = { "1m": 60, "5m": 300, "15m": 900, "1h": 3_600, "4h": 14_400, "1d": 86_400 };

export function fromHistory(data) {
  return data
    .map((candle) => ({ ...candle, time: Date.parse(candle.timestamp) / 1000 }))
    .filter((candle) => Number.isFinite(candle.time))
    .sort((one, other) => one.time - other.time)
    .map(({ time, open, high, low, close }) => ({ time, open, high, low, close }));
}

/** The candle that a quote updates, or the new one after `last`; null for an older quote. */
export function next(last, quote, timeframe) {
  const moment = Date.parse(quote.provider_time ?? quote.timestamp) / 1000;
  if (!Number.isFinite(moment) || !Number.isFinite(quote.price)) return null;
  const time = moment - (moment % SECONDS[timeframe]);
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
