// A WebSocket server by the npm package `ws` that compresses as it is told: node deflate-server.mjs JSON
// JSON is the `perMessageDeflate` option of `ws`: its settings, or false. Listens on a free port of 127.0.0.1 and prints
// it. At /judge it sends messages and wants each back; at /tell it takes messages until one says `done`. Either way it
// closes with 1000 and what it saw, or with 4000 and what was wrong.
import { createHash } from "node:crypto";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const messages = [
  "Hello",
  "Hello",
  "",
  "今からこれふぁぼります ".repeat(3000),
  Buffer.from(Array.from({ length: 20000 }, (_, n) => (n * n * 31 + (n >> 3)) & 255)),
  Buffer.alloc(70000, 7),
  "Hello",
];
const http = createServer();
const server = new WebSocketServer({ server: http, perMessageDeflate: JSON.parse(process.argv[2]) });
server.on("connection", (socket, request) => {
  if (request.url === "/judge") judge(socket);
  else tell(socket);
});

function judge(socket) {
  let next = 0;
  const ask = () => socket.send(messages[next]);
  socket.on("message", (data, isBinary) => {
    const wanted = messages[next];
    const same = isBinary ? wanted instanceof Buffer && data.equals(wanted) : data.toString() === wanted;
    if (!same) return socket.close(4000, `message ${next} came back as something else`);
    next += 1;
    if (next === messages.length) socket.close(1000, `${next} messages came back`);
    else ask();
  });
  ask();
}

function tell(socket) {
  const hash = createHash("sha1");
  let count = 0;
  socket.on("message", (data, isBinary) => {
    if (!isBinary && data.toString() === "done") return socket.close(1000, `${count} ${hash.digest("hex")}`);
    count += 1;
    hash.update(isBinary ? "binary" : "text").update(data);
  });
}
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
