// A site that pushes in every way, for browsers and for others: node site.mjs
// Listens on a free port of 127.0.0.1 and prints it. `/` is a page that uses all of it and has the title `done` then.
import { createServer } from "node:http";
import { createServer as createSocket } from "node:net";
import { gzipSync } from "node:zlib";
import { WebSocketServer } from "ws";

const EVENTS = [
  ": a comment\n\n",
  "id: 1\ndata: first\n\n",
  "data: second\ndata: of two lines\n\n",
  "event: tick\nid: 3\ndata: こんにちは\n\n",
  "event: tick\ndata: {\"last\":true}\n\n",
];

async function use(closedPort) {
  const text = async (path, options) => (await fetch(path, options)).text();
  for (const cursor of [0, 1, 2]) await text("/poll?cursor=" + cursor);
  await text("/form", { method: "POST", body: new URLSearchParams({ a: "1 2", b: "ü" }) });
  await text("/packed");
  await fetch("/bytes").then((answer) => answer.arrayBuffer());
  await text("/moved");
  await fetch("http://127.0.0.1:" + closedPort + "/").catch(() => {});
  const source = new EventSource("/sse");
  await new Promise((resolve) => {
    let left = 4;
    const came = () => --left === 0 && resolve();
    source.onmessage = came;
    source.addEventListener("tick", came);
  });
  source.close();
  const socket = new WebSocket("ws://" + location.host + "/ws");
  socket.binaryType = "arraybuffer";
  const closed = new Promise((resolve) => (socket.onclose = resolve));
  await new Promise((resolve) => (socket.onopen = resolve));
  socket.send("hello");
  socket.send(new Uint8Array([1, 2, 255]));
  socket.send("長い".repeat(40000));
  await new Promise((resolve) => {
    let left = 5;
    socket.onmessage = () => --left === 0 && resolve();
  });
  socket.close(1000, "bye");
  await closed;
  await text("/the-end");
  document.title = "done";
}

const site = createServer((request, answer) => {
  const say = (type, body, fields = {}, status = 200) => {
    answer.writeHead(status, { "content-type": type, "content-length": Buffer.byteLength(body), ...fields });
    answer.end(body);
  };
  const path = new URL(request.url, "http://a").pathname;
  switch (path) {
    case "/":
      return say("text/html", `<meta charset=utf-8><title>waits</title><link rel=icon href=data:,><script>(${use})(${closedPort})</script>`);
    case "/poll":
      return say("application/json", JSON.stringify({ cursor: request.url.split("=")[1] }), {
        "set-cookie": ["a=1; Path=/", "b=2; HttpOnly; Max-Age=60"],
      });
    case "/form": {
      const body = [];
      request.on("data", (data) => body.push(data));
      return request.on("end", () => say("text/plain", `got ${Buffer.concat(body)}`));
    }
    case "/packed": {
      const body = gzipSync(JSON.stringify({ many: "あ".repeat(1000) }));
      return say("application/json", body, { "content-encoding": "gzip" });
    }
    case "/bytes":
      return say("application/octet-stream", Buffer.from([0, 159, 146, 150, 255]));
    case "/moved":
      return say("text/plain", "", { location: "/last" }, 302);
    case "/sse": {
      answer.writeHead(200, { "content-type": "text/event-stream" });
      // A client that counts events ends by itself; `?end` ends the stream.
      const events = EVENTS[Symbol.iterator]();
      const next = () => {
        const { value, done } = events.next();
        if (!done) answer.write(value, () => setTimeout(next, 40));
        else if (request.url.includes("end")) answer.end();
      };
      return next();
    }
    default:
      return say("text/plain", "last");
  }
});
const sockets = new WebSocketServer({ server: site, path: "/ws", perMessageDeflate: true });
sockets.on("connection", (socket) => {
  socket.ping("are you there");
  socket.send("welcome");
  socket.send(Buffer.from([0, 1, 254]));
  socket.on("message", (data, isBinary) => socket.send(data, { binary: isBinary }));
});

// A port that nobody listens on any more.
const taken = createSocket().listen(0, "127.0.0.1");
await new Promise((resolve) => taken.once("listening", resolve));
const closedPort = taken.address().port;
await new Promise((resolve) => taken.close(resolve));
site.listen(0, "127.0.0.1", () => console.log(site.address().port));
