// Socket.IO's own server: rooms, and an emit for each tick.
//
//     node server.js PORT RATE '{"BTC": {…the body of a price_update…}, …}'

const { createServer } = require("node:http");
const { Server } = require("socket.io");

const [port, rate, text] = process.argv.slice(2);
const bodies = Object.entries(JSON.parse(text));
const http = createServer();
const desk = new Server(http, { transports: ["websocket"] }).of("/webtrader");

desk.on("connection", (socket) => {
  socket.on("subscribe_to_instruments", ({ symbols }) => socket.join(symbols));
});

let count = 0;

function emitTicks() {
  for (const [symbol, body] of bodies) {
    count += 1;
    const now = new Date().toISOString();
    // Two digits that are never rounded away, so that all texts have the same length.
    const price = (6180000 + 11 + (count % 8) * 11) / 100;
    const times = { timestamp: now, provider_time: now, received_at: now };
    desk.to(symbol).emit("price_update", { ...body, price, ...times, seq: 1000000 + count });
  }
}

http.listen(Number(port), "127.0.0.1", 4096, () => {
  console.log(`listening, Node ${process.version}`);
  setInterval(emitTicks, 1000 / Number(rate));
});
