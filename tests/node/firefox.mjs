// A headless Firefox with its network monitor, over Marionette, Firefox's own protocol for tests. The HAR is what the
// monitor's “Save All As HAR” gives.
//   node firefox.mjs save URL OUT.har   opens URL, waits until its title is `done`, and writes the HAR to OUT.har
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PATIENCE_MS = 90_000;
const [task, url, out] = process.argv.slice(2);
if (task !== "save" || !out) {
  console.error("usage: node firefox.mjs save URL OUT.har");
  process.exit(2);
}
const folders = (process.env.PATH ?? "").split(":");
const program = ["firefox-esr", "firefox"].find((name) => folders.some((folder) => existsSync(join(folder, name)))) ?? "firefox-esr";
const home = mkdtempSync(join(tmpdir(), "firefox-"));
const profile = join(home, "profile");
mkdirSync(profile);
const settings = {
  "marionette.port": 0,
  "browser.startup.page": 0,
  "browser.aboutwelcome.enabled": false,
  "browser.shell.checkDefaultBrowser": false,
  "datareporting.policy.dataSubmissionEnabled": false,
  "toolkit.telemetry.enabled": false,
  "app.update.enabled": false,
  "app.normandy.enabled": false,
  "network.captive-portal-service.enabled": false,
  "network.connectivity-service.enabled": false,
  "services.settings.server": "data:,",
  "browser.safebrowsing.malware.enabled": false,
  "browser.safebrowsing.phishing.enabled": false,
  "extensions.update.enabled": false,
  "extensions.getAddons.cache.enabled": false,
  "network.proxy.type": 0,
};
const lines = Object.entries(settings).map(([name, value]) => `user_pref("${name}", ${JSON.stringify(value)});\n`);
writeFileSync(join(profile, "user.js"), lines.join(""));
const options = ["--headless", "--no-remote", "--profile", profile, "--marionette", "--remote-allow-system-access"];
const browser = spawn(program, options, { stdio: "ignore", env: { ...process.env, HOME: home } });

function leave(code, why) {
  if (why) console.error(why);
  process.exitCode = code;
  // Its helpers may write for a moment longer than it lives.
  const tidy = (left) => {
    try {
      rmSync(home, { recursive: true, force: true });
      process.exit();
    } catch {
      if (left > 0) setTimeout(tidy, 50, left - 1);
      else process.exit();
    }
  };
  if (browser.exitCode !== null) tidy(100);
  else browser.once("exit", () => tidy(100));
  browser.kill("SIGTERM");
  setTimeout(() => browser.kill("SIGKILL"), 10_000).unref();
}
browser.once("error", (error) => {
  console.error(`${program} cannot be started: ${error.message}`);
  process.exit(1);
});
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => leave(1, "told to end"));
setTimeout(() => leave(1, `nothing came of it within ${PATIENCE_MS / 1000} s`), PATIENCE_MS).unref();

const told = join(profile, "MarionetteActivePort");
while (!existsSync(told) || !readFileSync(told, "utf8").trim()) await new Promise((resolve) => setTimeout(resolve, 50));
const socket = connect(Number(readFileSync(told, "utf8").trim()), "127.0.0.1");

// A packet is its length in bytes, a colon, and JSON. The first one is the browser's greeting.
const waiting = new Map();
let held = Buffer.alloc(0);
let greeted;
const greeting = new Promise((resolve) => (greeted = resolve));
socket.on("data", (data) => {
  held = Buffer.concat([held, data]);
  for (;;) {
    const colon = held.indexOf(":");
    if (colon < 0) return;
    const end = colon + 1 + Number(held.subarray(0, colon).toString());
    if (held.length < end) return;
    const packet = JSON.parse(held.subarray(colon + 1, end).toString());
    held = held.subarray(end);
    if (!Array.isArray(packet)) {
      greeted();
      continue;
    }
    const [, id, error, result] = packet;
    const [resolve, reject] = waiting.get(id);
    waiting.delete(id);
    if (error) reject(new Error(`${error.error}: ${error.message}`));
    else resolve(result);
  }
});
socket.on("error", (error) => leave(1, `Marionette: ${error.message}`));
let lastId = 0;
const order = (name, parameters) =>
  new Promise((resolve, reject) => {
    waiting.set(++lastId, [resolve, reject]);
    const text = JSON.stringify([0, lastId, name, parameters]);
    socket.write(`${Buffer.byteLength(text)}:${text}`);
  });
/** Runs a function in the browser's own window; what it gives. */
const within = async (ask, ...args) => {
  const script = `const done = arguments[arguments.length - 1];
    (${ask})(...Array.from(arguments).slice(0, -1)).then((value) => done({ value }), (error) => done({ error: String(error) + error.stack }));`;
  const { value } = await order("WebDriver:ExecuteAsyncScript", { script, args, newSandbox: false });
  if (value.error) throw new Error(value.error);
  return value.value;
};

try {
  await greeting;
  await order("WebDriver:NewSession", { capabilities: { alwaysMatch: {} } });
  await order("WebDriver:SetTimeouts", { script: PATIENCE_MS });
  await order("Marionette:SetContext", { value: "chrome" });
  const har = await within(async (url) => {
    const { require } = ChromeUtils.importESModule("resource://devtools/shared/loader/Loader.sys.mjs");
    const { gDevTools } = require("devtools/client/framework/devtools");
    const tab = window.gBrowser.selectedTab;
    const toolbox = await gDevTools.showToolboxForTab(tab, { toolId: "netmonitor" });
    const triggeringPrincipal = Services.scriptSecurityManager.getSystemPrincipal();
    window.gBrowser.selectedBrowser.fixupAndLoadURIString(url, { triggeringPrincipal });
    const pause = () => new Promise((resolve) => window.setTimeout(resolve, 50));
    while (tab.label !== "done") await pause();
    // The monitor hears of an answer later than the page; asked for a HAR too early, it stops listing.
    const { store } = toolbox.getCurrentPanel().panelWin;
    const isListed = (end) => store.getState().requests.requests.some((request) => request.url.endsWith(end) && request.status);
    while (!isListed("/ws") || !isListed("/the-end")) await pause();
    return JSON.stringify({ log: await toolbox.getHARFromNetMonitor() });
  }, url);
  writeFileSync(out, har);
  leave(0);
} catch (error) {
  leave(1, `${program}: ${error.message}`);
}
