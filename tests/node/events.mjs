// Reads an event stream with the npm package `eventsource`: node events.mjs URL COUNT [TYPE…]
// Prints a line of JSON for each event and each interruption, and ends after COUNT events or when told not to reconnect.
import { EventSource } from "eventsource";

const [url, count, ...types] = process.argv.slice(2);
const source = new EventSource(url);
let left = Number(count);
const say = (what) => console.log(JSON.stringify(what));

function received(event) {
  say({ type: event.type, id: event.lastEventId, data: event.data });
  left -= 1;
  if (left === 0) {
    source.close();
  }
}
for (const type of ["message", ...types]) {
  source.addEventListener(type, received);
}
source.addEventListener("open", () => say({ type: "open" }));
source.addEventListener("error", (error) => {
  say({ type: source.readyState === EventSource.CLOSED ? "closed" : "interrupted", code: error.code ?? null });
});
