// What a client sends, told line by line as JSON: node log-server.mjs
// Listens on a free port of 127.0.0.1 and prints it. A WebSocket (npm package `ws`) echoes each message; GET /events is an
// event stream that says hello and stays open, /poll says that there is nothing new; any other request is answered with
// 204. The message `leave` makes the server close with 4002.
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const tell = (what) => console.log(JSON.stringify(what));
const http = createServer((request, response) => {
  const body = [];
  request.on("data", (piece) => body.push(piece));
  request.on("end", () => {
    const { authorization, cookie, ...headers } = request.headers;
    tell({
      method: request.method,
      url: request.url,
      type: headers["content-type"] ?? null,
      mine: headers["x-mine"] ?? null,
      authorization: authorization ?? null,
      body: Buffer.concat(body).toString("base64"),
    });
    if (request.url.startsWith("/events")) {
      response.writeHead(200, { "Content-Type": "text/event-stream" });
      response.write("data: hello\n\n");
      return;
    }
    if (request.url.startsWith("/poll")) return response.end("nothing new\n");
    response.writeHead(204);
    response.end();
  });
});
const server = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 0 } });
server.on("connection", (socket, request) => {
  tell({ upgrade: request.url, mine: request.headers["x-mine"] ?? null });
  socket.on("message", (data, isBinary) => {
    tell({ binary: isBinary, data: data.toString("base64") });
    if (!isBinary && data.toString() === "leave") return socket.close(4002, "as you wish");
    socket.send(data, { binary: isBinary });
  });
  socket.on("ping", (data) => tell({ ping: data.toString("base64") }));
  socket.on("close", (code, reason) => tell({ close: code, reason: reason.toString() }));
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
