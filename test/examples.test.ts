import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { markdownFiles, readDocument } from "./support/documents.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const folder = join(root, "examples");
const examples = readdirSync(folder).filter((name) => name.endsWith(".mjs"));
const read = (name: string) => readFileSync(join(folder, name), "utf8");

// An example ends with what it prints: "/* prints", the lines, "*/". "…" stands for whatever is there.
test.each(examples)("examples/%s: prints what it says", { timeout: 120_000 }, async (name) => {
  const [, expected] = /\n\/\* prints\n([\s\S]*?)\n?\*\/\s*$/.exec(read(name)) ?? [];
  expect(expected, "the example ends with /* prints … */").toBeDefined();
  const { stdout } = await promisify(execFile)(process.execPath, [join("examples", name)], { cwd: root });
  const pattern = expected!.split("…").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  expect(stdout.trimEnd()).toMatch(new RegExp(`^${pattern.join(".*")}$`));
});

// Code in documents is quoted from an example, which runs; so it cannot rot.
test.each(markdownFiles)("%s: its code stands in an example", (file) => {
  const blocks = [...readDocument(file).matchAll(/^```(?:js|ts|javascript|typescript)\n([\s\S]*?)^```/gm)];
  for (const [, code] of blocks) {
    expect(
      examples.some((name) => read(name).includes(code!.trim())),
      code,
    ).toBe(true);
  }
});
