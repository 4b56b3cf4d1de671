// A WebSocket server by the npm package `ws`: node ws-server.mjs [CERT.pem KEY.pem]
// Listens on a free port of 127.0.0.1 and prints it. Echoes messages; the message `close` makes it close with 4001,
// `drop` makes it drop the connection, `ping` makes it ping, and a pong that comes back is told as the message `ponged: …`.
import { createServer as plain } from "node:http";
import { createServer as secure } from "node:https";
import { readFileSync } from "node:fs";
import { WebSocketServer } from "ws";

const [cert, key] = process.argv.slice(2);
const http = cert ? secure({ cert: readFileSync(cert), key: readFileSync(key) }) : plain();
const server = new WebSocketServer({
  server: http,
  handleProtocols: (offered) => (offered.has("chat") ? "chat" : false),
});
server.on("connection", (socket, request) => {
  socket.send(JSON.stringify({ url: request.url, protocol: socket.protocol, header: request.headers["x-mine"] ?? null }));
  socket.on("message", (data, isBinary) => {
    const text = data.toString();
    if (!isBinary && text === "close") return socket.close(4001, "as you wish");
    if (!isBinary && text === "drop") return socket.terminate();
    if (!isBinary && text === "ping") return socket.ping("are you there");
    socket.send(data, { binary: isBinary });
  });
  socket.on("pong", (data) => socket.send(`ponged: ${data}`));
  socket.on("close", (code, reason) => console.log(`closed ${code} ${reason}`));
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
