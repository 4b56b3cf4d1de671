// A WebSocket server of every draft, by the npm package `websocket-driver`: node old-ws-server.mjs
// 0.7.0 takes versions 7 and 8; later ones take 13 alone.
// Listens on a free port of 127.0.0.1 and prints it. Greets with the draft that it found the client to speak, echoes
// messages, closes when told `close`, and prints how each connection ended.
import { createServer } from "node:http";
import driver from "websocket-driver";

const http = createServer();
http.on("upgrade", (request, socket, body) => {
  const server = driver.http(request, { protocols: ["chat"] });
  server.io.write(body);
  socket.pipe(server.io).pipe(socket);
  server.messages.on("data", (message) => {
    if (message === "close") return server.close("as you wish", 4001);
    if (message === "ping") return server.ping("are you there", () => server.text("ponged"));
    typeof message === "string" ? server.text(message) : server.binary(message);
  });
  const asked = request.headers["sec-websocket-version"] ?? "none";
  server.on("open", () => server.text(`${server.version}, version ${asked}, protocol ${server.protocol}`));
  server.on("error", (error) => console.log(`error ${error.message}`));
  server.on("close", ({ code, reason }) => {
    console.log(`closed ${code} ${reason}`);
    socket.end();
  });
  socket.on("error", () => {});
  server.start();
});
http.listen(0, "127.0.0.1", () => console.log(http.address().port));
