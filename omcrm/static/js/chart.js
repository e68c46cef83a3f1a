/** The candle chart of the selected instrument. */

import {
  CandlestickSeries,
  CrosshairMode,
  createChart,
} from "../vendor/lightweight-charts/lightweight-charts.js";
import * as candles from "./candles.js";
import * as format from "./format.js";
import { isCurrent } from "./price_class.js";

const EMPTY = "No candles yet: they are built from prices received since the feeds started.";
const RIGHT_OFFSET = 4;
const LOADING = "Loading candles…";

export function createCandleChart({ place, message, legend, timeframes, store, requestHistory }) {
  let instrument = null;
  let chosen = timeframes.querySelector("input:checked");
  let data = [];
  let source = null;
  let isLoaded = false;
  let isUp = false;
  let drawing = null;

  // Drawing.

  function rebuild() {
    drawing?.chart.remove();
    drawing = createDrawing(place);
    drawing.chart.subscribeCrosshairMove(({ seriesData }) => {
      describe(seriesData.get(drawing.series) ?? data.at(-1));
    });
    if (!instrument) return;
    drawAll();
    showEnd();
  }

  function drawAll() {
    const { decimals } = instrument;
    const priceFormat = { type: "custom", minMove: 10 ** -decimals };
    drawing.series.applyOptions({
      priceFormat: { ...priceFormat, formatter: (value) => format.price(value, decimals) },
    });
    drawing.series.setData(data);
    drawCurrent();
    describe(data.at(-1));
    showMessage(isLoaded ? (data.length ? "" : EMPTY) : LOADING);
  }

  function showEnd() {
    drawing.chart.timeScale().scrollToPosition(RIGHT_OFFSET, false);
  }

  /** The line of the last price is grey when that price is not current. */
  function drawCurrent() {
    const quote = store.get(instrument.symbol);
    const isGrey = !isUp || !quote || !isCurrent(quote.price_class);
    if (isGrey === drawing.isGrey) return;
    drawing.isGrey = isGrey;
    drawing.series.applyOptions({ priceLineColor: isGrey ? colours()("ink-3") : "" });
  }

  function describe(candle) {
    const figures = candle
      ? ["open", "high", "low", "close"].map(
          (name) => `${name[0].toUpperCase()} ${format.price(candle[name], instrument.decimals)}`,
        )
      : [];
    legend.textContent = figures.join("   ");
  }

  function showMessage(text) {
    message.textContent = text;
    message.hidden = !text;
  }

  // Data.

  function load() {
    if (!instrument) return;
    isLoaded = false;
    data = [];
    drawAll();
    request();
  }

  function request() {
    requestHistory({ symbol: instrument.symbol, timeframe: chosen.value, limit: 500 });
  }

  timeframes.addEventListener("change", (event) => {
    chosen = event.target;
    load();
  });
  document.documentElement.addEventListener("themechange", rebuild);
  rebuild();

  return {
    show(next) {
      instrument = next;
      load();
    },

    /** Shows the server's candles, if they are of the current symbol and timeframe. */
    setHistory(history) {
      if (history.symbol !== instrument?.symbol || history.timeframe !== chosen.value) return;
      const isFirst = !isLoaded;
      data = candles.fromHistory(history.data);
      source = history.source;
      isLoaded = true;
      drawAll();
      if (isFirst) showEnd();
    },

    /** Requests the candles again, where prices may have been lost; shows the old ones until then. */
    refresh() {
      if (instrument) request();
    },

    /** Continues the last candle with a price. */
    add(quote) {
      if (!isLoaded || quote.symbol !== instrument?.symbol) return;
      drawCurrent();
      if (!isCurrent(quote.price_class)) return;
      if (source && quote.source !== source) return load(); // one chart never mixes sources
      const candle = candles.next(data.at(-1), quote, Number(chosen.dataset.seconds));
      if (!candle) return;
      if (data.at(-1)?.time === candle.time) data.pop();
      data.push(candle);
      drawing.series.update(candle);
      describe(candle);
      showMessage("");
    },

    /** Requests the candles again when the connection is back. */
    drawLink(nowUp) {
      const isReturn = nowUp && !isUp;
      isUp = nowUp;
      if (isReturn) load();
      else if (instrument) drawCurrent();
    },
  };
}

function createDrawing(place) {
  const colour = colours();
  const root = document.createElement("div");
  root.className = "chart-canvas";
  const chart = createChart(root, chartOptions(colour));
  // The library's logo adds an inline style. It is removed before the chart is in the document; our
  // own style sheet has its rules. For the same reason a new theme creates a new chart.
  root.querySelector("style")?.remove();
  place.replaceChildren(root);
  return { chart, series: chart.addSeries(CandlestickSeries, seriesOptions(colour)) };
}

function colours() {
  const style = getComputedStyle(document.documentElement);
  return (name) => style.getPropertyValue(`--${name}`).trim();
}

function chartOptions(colour) {
  return {
    autoSize: true,
    layout: {
      background: { color: colour("surface") },
      textColor: colour("ink-2"),
      fontFamily: colour("font"),
      fontSize: 11,
      attributionLogo: true,
    },
    grid: { vertLines: { color: colour("line-soft") }, horzLines: { color: colour("line-soft") } },
    crosshair: {
      mode: CrosshairMode.Normal,
      vertLine: { color: colour("ink-3"), labelBackgroundColor: colour("accent-fill") },
      horzLine: { color: colour("ink-3"), labelBackgroundColor: colour("accent-fill") },
    },
    rightPriceScale: { borderColor: colour("line"), scaleMargins: { top: 0.1, bottom: 0.1 } },
    timeScale: {
      borderColor: colour("line"),
      timeVisible: true,
      secondsVisible: false,
      rightOffset: RIGHT_OFFSET,
      barSpacing: 8,
    },
  };
}

function seriesOptions(colour) {
  return {
    upColor: colour("up"),
    downColor: colour("down"),
    wickUpColor: colour("up"),
    wickDownColor: colour("down"),
    borderVisible: false,
  };
}
