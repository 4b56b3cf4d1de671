// The npm package `ws` as a witness, without a socket: node witness.mjs < TASKS > ANSWERS, a line of JSON each.
//
// { read: base64, isServer, extensions }: what its receiver makes of a side's bytes behind the upgrade, as a list of
//   ["text" | "binary" | "ping" | "pong", base64] and ["close", base64, code], or ["error", message] as the last.
// { write: [[what, base64, { compress, fin }]…], isServer, extensions, level }: the bytes by which its sender says that.
import { createInterface } from "node:readline";
import { Writable } from "node:stream";
import { extension, PerMessageDeflate, Receiver, Sender } from "ws";

// The parameters are what the server answered, so they are read as a client reads them; then the role is taken.
function agreed({ extensions, isServer, level }) {
  if (!extensions) return {};
  const deflate = new PerMessageDeflate({ threshold: 0, zlibDeflateOptions: { level } });
  deflate.accept(extension.parse(extensions)[PerMessageDeflate.extensionName]);
  deflate._isServer = isServer;
  return { [PerMessageDeflate.extensionName]: deflate };
}

function read(task) {
  const receiver = new Receiver({ isServer: task.isServer, extensions: agreed(task) });
  const said = [];
  const say = (what, data, ...more) => said.push([what, Buffer.from(data).toString("base64"), ...more]);
  receiver.on("message", (data, isBinary) => say(isBinary ? "binary" : "text", data));
  receiver.on("ping", (data) => say("ping", data));
  receiver.on("pong", (data) => say("pong", data));
  return new Promise((done) => {
    receiver.on("conclude", (code, reason) => (say("close", reason, code), done(said)));
    receiver.on("error", (error) => (said.push(["error", error.message]), done(said)));
    receiver.on("finish", () => done(said));
    receiver.end(Buffer.from(task.read, "base64"));
  });
}

async function write(task) {
  const parts = [];
  const socket = new Writable({ write: (part, _, next) => (parts.push(part), next()) });
  const sender = new Sender(socket, agreed(task));
  // A client's frames are masked.
  const mask = !task.isServer;
  for (const [what, data, options] of task.write) {
    const bytes = Buffer.from(data, "base64");
    await new Promise((sent) => {
      if (what === "ping") return sender.ping(bytes, mask, sent);
      if (what === "pong") return sender.pong(bytes, mask, sent);
      if (what === "close") return sender.close(1000, bytes, mask, sent);
      sender.send(bytes, { binary: what === "binary", mask, ...options }, sent);
    });
  }
  return Buffer.concat(parts).toString("base64");
}

for await (const line of createInterface({ input: process.stdin })) {
  const task = JSON.parse(line);
  console.log(JSON.stringify(task.read === undefined ? await write(task) : await read(task)));
}
