// Counts what comes over a WebSocket with the npm package `ws`, and prints the count at its end: node count.mjs URL
import { WebSocket } from "ws";

let messages = 0;
const socket = new WebSocket(process.argv[2]);
socket.on("message", () => (messages += 1));
socket.on("close", () => console.log(messages));
