// Talks over a WebSocket with the npm package `ws`: node socket.mjs URL [protocol=NAME | text=… | binary=BASE64 |
// ping=… | close-after=N | deflate=JSON]…
// Once open it sends what it was given, in that order; after N messages it closes. `deflate` is the
// package's perMessageDeflate option. Prints a line of JSON for each thing that happens.
import { WebSocket } from "ws";

const [url, ...words] = process.argv.slice(2);
const wishes = words.map((word) => [word.slice(0, word.indexOf("=")), word.slice(word.indexOf("=") + 1)]);
const protocols = wishes.filter(([wish]) => wish === "protocol").map(([, name]) => name);
const [, deflate] = wishes.find(([wish]) => wish === "deflate") ?? [];
const socket = new WebSocket(url, protocols, deflate ? { perMessageDeflate: JSON.parse(deflate) } : {});
let left = Number((wishes.find(([wish]) => wish === "close-after") ?? [null, 0])[1]);
const say = (what) => console.log(JSON.stringify(what));

let extensions = "";
socket.on("upgrade", (answer) => (extensions = answer.headers["sec-websocket-extensions"] ?? ""));
socket.on("open", () => {
  say({ open: socket.protocol, extensions });
  for (const [wish, value] of wishes) {
    if (wish === "text") socket.send(value);
    if (wish === "binary") socket.send(Buffer.from(value, "base64"));
    if (wish === "ping") socket.ping(value);
  }
});
socket.on("message", (data, isBinary) => {
  say(isBinary ? { binary: data.toString("base64") } : { text: data.toString() });
  left -= 1;
  if (left === 0) socket.close(4000, "enough");
});
socket.on("ping", (data) => say({ ping: data.toString() }));
socket.on("pong", (data) => say({ pong: data.toString() }));
socket.on("close", (code, reason) => say({ close: code, reason: reason.toString() }));
socket.on("error", (error) => say({ error: error.message }));
