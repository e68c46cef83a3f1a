/** Why a price was not believed, in words. */

const REASONS = {
  empty: "no figures in it",
  not_a_price: "no possible price",
  crossed: "bid above ask",
  high_below_low: "high below low",
  from_the_future: "from the future",
  older: "older than known",
  jump: "jump that nobody confirms",
  wide: "bid and ask too far apart",
  contradicted: "contradicted by others",
};

export function describeReason(name) {
  return REASONS[name] ?? name.replaceAll("_", " ");
}
