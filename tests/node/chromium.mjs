// A headless Chromium with its developer tools, over the DevTools protocol. The tools' own front end, which Chromium
// serves on its debugging port, is opened as a page and attached to another one: so the HAR is written and read by the
// code behind “Save all as HAR with content” and “Import HAR file”.
//   node chromium.mjs save URL OUT.har   opens URL, waits until its title is `done`, and writes the HAR to OUT.har
//   node chromium.mjs show FILE.har      reads FILE.har and prints a line of JSON for each of its requests
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { WebSocket } from "ws";

const PATIENCE_MS = 60_000;
const [task, what, out] = process.argv.slice(2);
const profile = mkdtempSync(join(tmpdir(), "chromium-"));
const sandbox = process.getuid() === 0 ? ["--no-sandbox"] : [];
const options = ["--headless=new", ...sandbox, "--disable-gpu", "--no-first-run", "--disable-background-networking"];
const remote = ["--remote-debugging-port=0", "--remote-allow-origins=*", `--user-data-dir=${profile}`, "about:blank"];
const browser = spawn("chromium", [...options, "--no-proxy-server", ...remote], { stdio: "ignore" });

let close = () => browser.kill("SIGTERM");
function leave(code, why) {
  if (why) console.error(why);
  process.exitCode = code;
  // Its helpers may write for a moment longer than it lives.
  const tidy = (left) => {
    try {
      rmSync(profile, { recursive: true, force: true });
      process.exit();
    } catch {
      if (left > 0) setTimeout(tidy, 50, left - 1);
      else process.exit();
    }
  };
  browser.once("exit", () => tidy(100));
  close();
  setTimeout(() => browser.kill("SIGKILL"), 5000).unref();
}
browser.once("error", (error) => {
  console.error(`chromium cannot be started: ${error.message}`);
  process.exit(1);
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => leave(1, "told to end"));
setTimeout(() => leave(1, `nothing came of it within ${PATIENCE_MS / 1000} s`), PATIENCE_MS).unref();

/** Asks until the answer is true. What is asked about has no event of its own. */
async function until(ask) {
  while (!(await ask().catch(() => false))) await new Promise((resolve) => setTimeout(resolve, 25));
}

const told = join(profile, "DevToolsActivePort");
await until(async () => existsSync(told) && readFileSync(told, "utf8").trim().split("\n").length === 2);
const [port, path] = readFileSync(told, "utf8").trim().split("\n");
const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { maxPayload: 1 << 30 });
await new Promise((resolve) => socket.once("open", resolve));
const waiting = new Map();
socket.on("message", (text) => {
  const { id, result, error } = JSON.parse(text);
  const [resolve, reject] = waiting.get(id) ?? [];
  waiting.delete(id);
  if (error) reject?.(new Error(error.message));
  else resolve?.(result);
});
let lastId = 0;
const order = (method, params, sessionId) =>
  new Promise((resolve, reject) => {
    waiting.set(++lastId, [resolve, reject]);
    socket.send(JSON.stringify({ id: lastId, method, params, sessionId }));
  });

close = () => order("Browser.close").catch(() => browser.kill("SIGTERM"));

async function open(url) {
  const { targetId } = await order("Target.createTarget", { url });
  const { sessionId } = await order("Target.attachToTarget", { targetId, flatten: true });
  const run = async (expression) => {
    const { result, exceptionDetails } = await order(
      "Runtime.evaluate",
      { expression, awaitPromise: true, returnByValue: true },
      sessionId,
    );
    if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
    return result.value;
  };
  return { targetId, sessionId, run };
}

const page = await open("about:blank");
const place = `127.0.0.1:${port}/devtools`;
const tools = await open(`http://${place}/inspector.html?ws=${place}/page/${page.targetId}`);
const modules = `
  const { NetworkLog } = await import("./models/logs/logs.js");
  const { Writer, Importer, HARFormat } = await import("./models/har/har.js");
  const { Progress } = await import("./core/common/common.js");
  const { TargetManager } = await import("./core/sdk/sdk.js");`;
// Told once more to listen to the network, the page answers when it does.
await until(() =>
  tools.run(`(async () => { ${modules}
    const target = TargetManager.TargetManager.instance().primaryPageTarget();
    await target.networkAgent().invoke_enable({});
    return true;
  })()`),
);

if (task === "save") {
  await order("Page.navigate", { url: what }, page.sessionId);
  await until(async () => (await page.run("document.title")) === "done");
  // The front end is told of everything in order, but over a connection of its own: it is behind for a moment.
  await until(() =>
    tools.run(`(async () => { ${modules}
      const requests = NetworkLog.NetworkLog.instance().requests();
      return requests.some((request) => request.url().endsWith("/the-end") && request.finished);
    })()`),
  );
  const har = await tools.run(`(async () => { ${modules}
    const progress = new Progress.CompositeProgress(new Progress.Progress());
    const requests = NetworkLog.NetworkLog.instance().requests();
    return Writer.Writer.harStringForRequests(requests, { sanitize: false }, progress);
  })()`);
  writeFileSync(out, har);
} else {
  const text = readFileSync(what, "utf8");
  const requests = await tools.run(`(async () => { ${modules}
    const log = new HARFormat.HARRoot(JSON.parse(${JSON.stringify(text)})).log;
    const requests = Importer.Importer.requestsFromHARLog(log);
    return Promise.all(requests.map(async (request) => ({
      url: request.url(),
      method: request.requestMethod,
      status: request.statusCode,
      type: request.resourceType().name(),
      remote: request.remoteAddress(),
      fields: request.responseHeaders,
      asked: request.requestHeaders(),
      posted: await request.requestFormData(),
      frames: request.frames().map(({ type, time, opCode, text }) => ({ type, time, opcode: opCode, data: text })),
      events: request.eventSourceMessages().map(({ time, eventName, eventId, data }) => ({ time, eventName, eventId, data })),
      content: await request.requestContentData().then((content) => content.isTextContent ? content.text : content.base64),
    })));
  })()`);
  for (const request of requests) console.log(JSON.stringify(request));
}
leave(0);
