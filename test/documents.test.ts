import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { parseDescription } from "../src/imagery/sensor/description.ts";
import { countParameters, type ParameterTree } from "../src/model/parameters.ts";
import { type PresetName, presets } from "../src/model/presets.ts";
import { initSkySense } from "../src/model/skysense.ts";
import { markdownFiles, readDocument } from "./support/documents.ts";

const root = new URL("../", import.meta.url);

test.each(markdownFiles)("%s: every link into the repository leads somewhere", (file) => {
  const links = [...readDocument(file).matchAll(/\]\(([^)\s]+)\)|(?:src|href)="([^"]+)"/g)].map(
    ([, a, b]) => a ?? b!,
  );
  const broken = links.filter((link) => {
    if (/^(?:[a-z]+:|#)/.test(link)) return false;
    return !existsSync(fileURLToPath(new URL(link.replace(/#.*$/, ""), new URL(file, root))));
  });
  expect(broken).toEqual([]);
});

test.each(["ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md"])("%s: every path it names exists", (file) => {
  const paths = [...readDocument(file).matchAll(/`((?:src|test|scripts|docs|fixtures|examples|bench)\/[\w./-]+)`/g)];
  expect(paths.map(([, path]) => path!).filter((path) => !existsSync(new URL(path, root)))).toEqual([]);
});

test("CONTRIBUTING.md: justifies every dependency, and none that is not there", () => {
  const { dependencies, devDependencies } = JSON.parse(readDocument("package.json"));
  const [, runtime, development] = readDocument("CONTRIBUTING.md").split(/^\| (?:package|to develop) \| why \|$/m);
  const named = (table: string) =>
    [...table.matchAll(/^\|(.*?)\|/gm)].flatMap(([, cell]) =>
      [...cell!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!),
    );
  expect(named(runtime!).sort()).toEqual(Object.keys(dependencies).sort());
  expect(named(development!).sort()).toEqual(Object.keys(devDependencies).sort());
});

test("CONTRIBUTING.md: its commands are in package.json", () => {
  const { scripts } = JSON.parse(readDocument("package.json"));
  const commands = [...readDocument("CONTRIBUTING.md").matchAll(/`npm (?:run )?([a-z:]+)`/g)].map(
    ([, name]) => name!,
  );
  expect(commands.filter((name) => name !== "ci" && !(name in scripts))).toEqual([]);
});

test("README.md: its sidecars are valid", () => {
  for (const [, json] of readDocument("README.md").matchAll(/^```json\n([\s\S]*?)^```/gm)) {
    expect(() => parseDescription(JSON.parse(json!), "README.md")).not.toThrow();
  }
});

test("README.md: its models have these sizes", () => {
  const rows = [...readDocument("README.md").matchAll(/^\| `(\w+)` \| ([\d.]+) (million|billion) \|/gm)];
  expect(rows.map(([, name]) => name!).sort()).toEqual(Object.keys(presets).sort());
  for (const [, name, size, unit] of rows) {
    const count = countParameters(initSkySense(presets[name as PresetName]) as ParameterTree);
    const decimals = size!.split(".")[1]?.length ?? 0;
    expect((count / (unit === "billion" ? 1e9 : 1e6)).toFixed(decimals), name).toBe(size);
  }
});

test("README.md: the options of its commands exist", () => {
  const main = fileURLToPath(new URL("dist/cli/main.node.js", root));
  for (const [, command, rest] of readDocument("README.md").matchAll(
    /^npx skysense ((?:finetune |predict |data )?\w+)(.*)$/gm,
  )) {
    const help = execFileSync(process.execPath, [main, ...command!.split(" "), "--help"], { encoding: "utf8" });
    // "  --out <dir>", and "  --seed, --seeds <list>" for an option with two names
    for (const [option] of rest!.matchAll(/--[\w-]+/g)) expect(help).toMatch(new RegExp(`[ ,] ${option}[ ,]`));
  }
}, 120_000);
