/** The active source of each instrument, and its other sources with a price, in the policy's order. */

import * as format from "./format.js";
import { createKeyedList } from "./keyed_list.js";
import { describeClass, describeSource, labelClass } from "./price_class.js";
import { copyTemplate, write } from "./template.js";

/** `decimalsOf` returns how many decimals a symbol's prices have. */
export function createFeedChain(table, empty, decimalsOf) {
  const list = createKeyedList(table.tBodies[0], {
    keyOf: ({ symbol }) => symbol,
    create: ({ symbol }) => createRow(symbol, decimalsOf),
  });

  return {
    draw(symbols) {
      list.draw(symbols);
      table.hidden = symbols.length === 0;
      empty.hidden = !table.hidden;
      write(empty, "There are no active instruments. Add them on the page of instruments.");
    },
  };
}

function createRow(symbol, decimalsOf) {
  const { element, part } = copyTemplate("chain-template");
  element.dataset.symbol = symbol;
  part.symbol.textContent = symbol;
  part.symbol.href = `?symbol=${encodeURIComponent(symbol)}#why`;
  const list = createKeyedList(part.chain, {
    keyOf: ({ source }) => source,
    create: ({ source }) => createCandidate(source),
  });

  return {
    element,
    draw({ source, runner_up, chain }) {
      write(part.source, source ? describeSource(source) : "No active source");
      const decimals = decimalsOf(symbol);
      list.draw(
        chain.map((candidate) => ({ ...candidate, decimals, role: roleOf(candidate.source, source, runner_up) })),
      );
      part.none.hidden = chain.length > 0;
      part.chain.hidden = chain.length === 0;
    },
  };
}

function roleOf(name, active, standby) {
  if (name === active) return "active";
  return name === standby ? "standby" : "";
}

function createCandidate(source) {
  const { element, part } = copyTemplate("candidate-template");
  element.dataset.source = source;
  part.name.textContent = describeSource(source);

  return {
    element,
    draw({ price, price_class, age_seconds, recorded_at, decimals, role }) {
      element.dataset.class = price_class;
      element.dataset.role = role;
      element.title = describeClass(price_class).meaning;
      write(part.role, role);
      write(part.class, labelClass(price_class, recorded_at));
      write(part.price, format.price(price, decimals));
      // A fixed price has no age.
      write(part.age, price_class === "last_resort" ? "fixed" : format.duration(age_seconds * 1000));
    },
  };
}
