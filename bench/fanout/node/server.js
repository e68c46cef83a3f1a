// Socket.IO's own server: rooms, and an emit for each tick.
//
//     node server.js PORT RATE '{"BTC": {…the body of a price_update…}, …}' LOGINS
//
// With LOGINS it has so many users, prints the cookie of each, then an empty line, and lets in whom
// such a cookie names: signed, of a user it knows, who may have so many connections.

const { createHmac, randomBytes, timingSafeEqual } = require("node:crypto");
const { createServer } = require("node:http");
const { Server } = require("socket.io");

const [port, rate, text, logins] = process.argv.slice(2);
const bodies = Object.entries(JSON.parse(text));
const latest = new Map(bodies);
const http = createServer();
const desk = new Server(http, { transports: ["websocket"] }).of("/webtrader");

const MOST_CONNECTIONS = 100000;
const key = randomBytes(32);
const users = new Map();

function signature(token) {
  return createHmac("sha256", key).update(token).digest();
}

function logIn() {
  const token = randomBytes(32).toString("base64url");
  users.set(token, { id: users.size + 1, expires: Date.now() + 3600000, connections: 0 });
  return `session=${token}.${signature(token).toString("base64url")}`;
}

function userOf(cookies) {
  const cookie = (cookies || "").split("; ").find((part) => part.startsWith("session="));
  const [token, signed] = (cookie || "").slice("session=".length).split(".");
  const given = Buffer.from(signed || "", "base64url");
  const wanted = signature(token);
  if (given.length !== wanted.length || !timingSafeEqual(given, wanted)) return undefined;
  const user = users.get(token);
  return user && user.expires > Date.now() ? user : undefined;
}

if (Number(logins)) {
  for (let number = 0; number < Number(logins); number += 1) console.log(logIn());
  console.log("");
  desk.use((socket, next) => {
    const user = userOf(socket.handshake.headers.cookie);
    if (!user) return next(new Error("authentication required"));
    if (user.connections >= MOST_CONNECTIONS) return next(new Error("too many open pages"));
    user.connections += 1;
    socket.on("disconnect", () => (user.connections -= 1));
    return next();
  });
}

desk.on("connection", (socket) => {
  socket.emit("connection_status", { binance: { status: "connected" } });
  socket.on("subscribe_to_instruments", ({ symbols }) => {
    const known = symbols.filter((symbol) => latest.has(symbol));
    socket.join(known);
    for (const symbol of known) socket.emit("price_update", latest.get(symbol));
    socket.emit("subscribed", { message: `Subscribed to ${known.length} instruments` });
  });
});

let count = 0;

function emitTicks() {
  for (const [symbol, body] of bodies) {
    count += 1;
    const now = new Date().toISOString();
    // Two digits that are never rounded away, so that all texts have the same length.
    const price = (6180000 + 11 + (count % 8) * 11) / 100;
    const times = { timestamp: now, provider_time: now, received_at: now };
    const update = { ...body, price, ...times, seq: 1000000 + count };
    latest.set(symbol, update);
    desk.to(symbol).emit("price_update", update);
  }
}

http.listen(Number(port), "127.0.0.1", 4096, () => {
  console.log(`listening, Node ${process.version}`);
  setInterval(emitTicks, 1000 / Number(rate));
});
