// A server that tells secrets: node secrets-server.mjs JSON, which has them. Listens on a free port
// of 127.0.0.1 and prints it. /json answers in chunks that cut the secret, /gzip compressed, /events as SSE; a WebSocket
// gets greetings that are compressed by the npm package `ws`, and each of its messages back in another one.
import { createServer } from "node:http";
import { gzipSync } from "node:zlib";
import { WebSocketServer } from "ws";

const { token, cookie, password } = JSON.parse(process.argv[2]);
const http = createServer((request, response) => {
  const path = request.url.split("?")[0];
  const headers = { "Set-Cookie": `session=${cookie}; Path=/; HttpOnly` };
  if (path === "/gzip") {
    response.writeHead(200, { ...headers, "Content-Type": "application/json", "Content-Encoding": "gzip" });
    return response.end(gzipSync(JSON.stringify({ access_token: token })));
  }
  if (path === "/events") {
    response.writeHead(200, { ...headers, "Content-Type": "text/event-stream" });
    for (let n = 0; n < 5; n += 1) {
      response.write(`id: ${n}\ndata: {"n":${n},\ndata: "access_token":"${token}"}\n\n`);
    }
    return response.end();
  }
  response.writeHead(200, { ...headers, "Content-Type": "application/json" });
  const body = JSON.stringify({ user: "ann", access_token: token, echo: request.headers.authorization ?? "" });
  for (const byte of body) response.write(byte);
  response.end();
});
const server = new WebSocketServer({ server: http, perMessageDeflate: { threshold: 0 } });
server.on("headers", (headers) => headers.push(`Set-Cookie: session=${cookie}`));
server.on("connection", (socket) => {
  for (let n = 0; n < 20; n += 1) {
    socket.send(JSON.stringify({ n, op: "greeting", text: "price and price again, price", token }));
  }
  socket.on("message", (data) => {
    if (data.toString() === "done") return socket.close(1000, "bye");
    socket.send(`you said ${data}; and the password is ${encodeURIComponent(password)}`);
  });
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
