/** Why a price was rejected, in words. */

const REASONS = {
  empty: "no figures in it",
  not_a_price: "impossible price",
  crossed: "bid above ask",
  high_below_low: "high below low",
  from_the_future: "from the future",
  older: "older than known",
  jump: "unconfirmed jump",
  wide: "bid and ask too far apart",
  contradicted: "contradicted by other sources",
};

export function describeReason(name) {
  return REASONS[name] ?? name.replaceAll("_", " ");
}
