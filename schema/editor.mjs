// What an editor shows with the schema: diagnostics, hovers and completions of yaml-language-server.
//   node schema/editor.mjs SERVER SCHEMA SPEC...
// Exits 1 with what is wrong.
import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";

const [server, schema, ...specs] = process.argv.slice(2);
const child = spawn(process.execPath, [server, "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const waiting = new Map();
const diagnostics = new Map();
let next = 1;
let buffer = Buffer.alloc(0);

function send(message) {
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", ...message }));
  child.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
  child.stdin.write(body);
}

function ask(method, params) {
  const id = next++;
  send({ id, method, params });
  return new Promise((answer) => waiting.set(id, answer));
}

const settings = { yaml: { schemas: { [pathToFileURL(resolve(schema)).href]: ["*.yaml"] }, validate: true, hover: true, completion: true, schemaStore: { enable: false } } };

child.stdout.on("data", (data) => {
  buffer = Buffer.concat([buffer, data]);
  for (;;) {
    const end = buffer.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/i.exec(buffer.subarray(0, end).toString())[1]);
    if (buffer.length < end + 4 + length) return;
    const message = JSON.parse(buffer.subarray(end + 4, end + 4 + length).toString());
    buffer = buffer.subarray(end + 4 + length);
    if (message.method === "textDocument/publishDiagnostics") {
      diagnostics.set(message.params.uri, message.params.diagnostics);
    } else if (message.method === "workspace/configuration") {
      send({ id: message.id, result: message.params.items.map((item) => settings[item.section] ?? null) });
    } else if (message.id !== undefined && message.method) {
      send({ id: message.id, result: null });
    } else if (message.id !== undefined) {
      waiting.get(message.id)?.(message.result);
      waiting.delete(message.id);
    }
  }
});

const wrong = [];
const check = (holds, what) => holds || wrong.push(what);

async function open(name, text) {
  const uri = pathToFileURL(resolve(name)).href;
  diagnostics.delete(uri);
  send({ method: "textDocument/didOpen", params: { textDocument: { uri, languageId: "yaml", version: 1, text } } });
  for (let tries = 0; tries < 300 && !diagnostics.has(uri); tries++) await new Promise((go) => setTimeout(go, 50));
  return { uri, found: diagnostics.get(uri) ?? [{ message: "no answer of the language server" }] };
}

// `|` marks the place.
async function at(name, marked, method) {
  const offset = marked.indexOf("|");
  const before = marked.slice(0, offset);
  const { uri } = await open(name, before + marked.slice(offset + 1));
  const line = before.split("\n").length - 1;
  return ask(method, { textDocument: { uri }, position: { line, character: offset - (before.lastIndexOf("\n") + 1) } });
}

await ask("initialize", {
  processId: process.pid, rootUri: null, initializationOptions: { settings },
  capabilities: { workspace: { configuration: true }, textDocument: { publishDiagnostics: {}, hover: { contentFormat: ["markdown"] } } },
});
send({ method: "initialized", params: {} });
send({ method: "workspace/didChangeConfiguration", params: { settings } });

for (const spec of specs) {
  // Without its modeline: the schema is the one of this run.
  const text = readFileSync(spec, "utf8").replace(/^# yaml-language-server:.*\n/, "\n");
  const { found } = await open(spec, text);
  for (const { message, range } of found) wrong.push(`${spec}:${(range?.start.line ?? 0) + 1}: ${message}`);
}

const head = "apiVersion: cachectl/v1\nstack: s\nregion: us-east-1\n";
const group = `${head}replicationGroups:\n  cache:\n    description: c\n    engine: valkey\n`;
const hovers = {
  "replicationGro|ups": `${head}replicationGro|ups: {}\n`,
  "numCache|Clusters": `${group}    numCache|Clusters: 2\n`,
  "engineVer|sion": `${group}    engineVer|sion: "8.0"\n`,
  "auth|Token": `${group}    auth|Token: {env: CACHE}\n`,
  "lifecy|cle": `${group}    lifecy|cle: {protect: true}\n`,
  "pre|set": `${group}    alarms: {pre|set: recommended}\n`,
};
let number = 0;
for (const [name, text] of Object.entries(hovers)) {
  const hover = await at(`/tmp/hover-${number++}.yaml`, text, "textDocument/hover");
  const shown = typeof hover?.contents === "string" ? hover.contents : (hover?.contents?.value ?? "");
  if (process.env.SHOW) console.log(`--- ${name}\n${shown}`);
  check(shown.length > 20, `nothing is shown for ${name}`);
  check(!shown.includes("||"), `the hover of ${name} is doubled: ${shown}`);
  check(!/multiple schemas/i.test(shown), `the hover of ${name}: ${shown}`);
}

const completions = {
  "cache.r7g.large": `${group}    cacheNodeType: |\n`,
  "8.1": `${group}    engineVersion: |\n`,
  "eu-west-1": `apiVersion: cachectl/v1\nstack: s\nregion: |\n`,
  "valkey8": `${head}parameterGroups:\n  p:\n    family: |\n`,
  "multi-az": `${head}policy:\n  lint:\n    |\n`,
  "Evictions": `${group}    alarms:\n      preset: recommended\n      override:\n        |\n`,
  "EngineCPUUtilization": `${head}alarms:\n  a:\n    metricName: |\n`,
  "transitEncryptionEnabled": `${group}    |\n`,
};
for (const [word, text] of Object.entries(completions)) {
  const list = await at(`/tmp/completion-${number++}.yaml`, text, "textDocument/completion");
  const labels = (list?.items ?? list ?? []).map((item) => item.label.replaceAll('"', ""));
  check(labels.includes(word), `${word} is not offered: ${labels.slice(0, 12).join(", ")}`);
}

const { found } = await open("/tmp/wrong.yaml", `${group}    colour: blue\n`);
check(found.some(({ message }) => /colour/.test(message)), `a key that does not exist is not told: ${JSON.stringify(found)}`);

send({ method: "exit" });
child.kill();
for (const line of wrong) console.log(line);
console.log(wrong.length ? `${wrong.length} wrong` : "an editor shows the schema as it should");
process.exit(wrong.length ? 1 : 0);
