/**
 * The value of holdings at the newest quotes. Knows no DOM. The server's valuation is the exact one:
 * this updates it between two of them, with its figures.
 */

/** The values of holdings; `trust` are the classes from best to worst, `counted` those in totals. */
export function valueHoldings(holdings, quoteOf, { trust, counted }) {
  const lines = holdings.map((holding) => valueOne(holding, quoteOf, trust, counted));
  const counting = lines.filter(({ isCounted }) => isCounted);
  const changing = counting.filter(({ change }) => change !== null);
  const total = sum(counting, "value");
  const cost = sum(counting, "cost");
  const isKnown = counting.length > 0 || holdings.length === 0;
  for (const line of lines) line.share = line.isCounted ? share(line.value, total) : null;
  return {
    lines,
    value: isKnown ? total : null,
    cost: isKnown ? cost : null,
    profit: isKnown ? total - cost : null,
    profitPercent: share(total - cost, cost),
    change: changing.length > 0 ? sum(changing, "change") : null,
    changePercent: share(sum(changing, "change"), sum(changing, "before")),
    unchanging: lines.filter((line) => !changing.includes(line)).map(({ symbol }) => symbol),
    classes: trust.map((name) => classShare(name, lines, total, counted)).filter(({ count }) => count > 0),
    oldest: oldest(lines),
    missing: lines.filter(({ missing }) => missing),
  };
}

function valueOne(holding, quoteOf, trust, counted) {
  const quote = quoteOf(holding.symbol);
  const rate = holding.rate_symbol ? quoteOf(holding.rate_symbol) : null;
  const isDollar = holding.currency === "USD";
  if (!quote || (!isDollar && !rate)) return asReceived(holding);
  const dollars = (amount) => inDollars(amount, holding, rate);
  const priceClass = worst([quote, rate], trust);
  const value = dollars(holding.quantity * quote.price);
  const cost = dollars(holding.quantity * holding.average_cost);
  return line(holding, {
    price: quote.price,
    priceClass,
    recordedAt: quote.recorded_at ?? rate?.recorded_at ?? null,
    value,
    cost,
    at: Math.min(...[quote, rate].filter(Boolean).map(({ received_at }) => Date.parse(received_at))),
    isCounted: counted.includes(priceClass),
    missing: null,
  });
}

/** The line as the server valued it, where the page has no quotes for it. */
function asReceived(holding) {
  return line(holding, {
    price: holding.price,
    priceClass: holding.price_class,
    recordedAt: holding.recorded_at,
    value: holding.value,
    cost: holding.cost,
    at: null,
    isCounted: holding.is_counted,
    missing: holding.missing,
  });
}

function line(holding, facts) {
  const { value, cost } = facts;
  const before = value === null ? null : holding.value_before;
  const change = before === null ? null : value - before;
  const profit = value === null ? null : value - cost;
  return {
    symbol: holding.symbol,
    decimals: holding.decimals,
    currency: holding.currency,
    basis: holding.daily_change_basis,
    before,
    change,
    changePercent: change === null ? null : share(change, before),
    profit,
    profitPercent: profit === null ? null : share(profit, cost),
    ...facts,
  };
}

function inDollars(amount, { rate_is_inverse: isInverse }, rate) {
  if (!rate) return amount;
  return isInverse ? amount / rate.price : amount * rate.price;
}

function worst(quotes, trust) {
  const places = quotes.filter(Boolean).map(({ price_class }) => trust.indexOf(price_class));
  return trust[Math.max(...places)] ?? quotes[0].price_class;
}

function classShare(name, lines, total, counted) {
  const mine = lines.filter(({ priceClass, missing }) => priceClass === name && !missing);
  const value = sum(mine, "value");
  const isCounted = counted.includes(name);
  return { name, count: mine.length, value, isCounted, percent: isCounted ? share(value, total) : null };
}

/** The line with the oldest price; a fixed price has no meaningful age. */
function oldest(lines) {
  const aged = lines.filter(({ at, priceClass }) => at !== null && priceClass !== "last_resort");
  return aged.reduce((first, line) => (!first || line.at < first.at ? line : first), null);
}

const sum = (lines, name) => lines.reduce((total, line) => total + line[name], 0);
const share = (part, whole) => (whole ? (part / whole) * 100 : null);
