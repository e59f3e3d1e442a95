import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Folder → folders that it may import, from the table in ARCHITECTURE.md: "| graph, imagery | core |". */
function tableOfLayers(): Map<string, string[]> {
  const text = readFileSync(join(root, "ARCHITECTURE.md"), "utf8");
  const [, table = ""] = /\| folder \| may import \|\n\|[- |]+\n((?:\|.*\n)+)/.exec(text) ?? [];
  const rows = table.trim().split("\n");
  const cells = rows.map((row) =>
    row
      .split("|")
      .slice(1, 3)
      .map((cell) => cell.match(/[a-z]+/g) ?? []),
  );
  const folders = cells.flatMap(([names]) => names!);
  return new Map(
    cells.flatMap(([names, may]) =>
      names!.map((name): [string, string[]] => [
        name,
        may![0] === "everything" ? folders.filter((f) => f !== name) : may!,
      ]),
    ),
  );
}

interface Override {
  includes: string[];
  linter: { rules: { style?: { noRestrictedImports?: { options: { patterns: { group: string[] }[] } } } } };
}

/** Folder → folders that lint forbids it. */
function lintedLayers(): Map<string, string[]> {
  const { overrides }: { overrides: Override[] } = JSON.parse(readFileSync(join(root, "biome.json"), "utf8"));
  const layers = new Map<string, string[]>();
  for (const { includes, linter } of overrides) {
    const rule = linter.rules.style?.noRestrictedImports;
    if (rule === undefined) continue;
    const [, folder] = /^src\/([a-z]+)\/\*\*$/.exec(includes[0]!)!;
    const [, forbidden] = /^\*\*\/\{(.*)\}\/\*\*$/.exec(rule.options.patterns[0]!.group[0]!)!;
    layers.set(folder!, forbidden!.split(","));
  }
  return layers;
}

test("layers: every folder of src has a row in the table", () => {
  const folders = readdirSync(join(root, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
  expect([...tableOfLayers().keys()].sort()).toEqual(folders.map(({ name }) => name).sort());
});

test("layers: lint forbids each folder exactly what the table does not allow it", () => {
  const table = tableOfLayers();
  const linted = lintedLayers();
  for (const [folder, may] of table) {
    const forbidden = [...table.keys()].filter((other) => other !== folder && !may.includes(other));
    expect((linted.get(folder) ?? []).sort(), folder).toEqual(forbidden.sort());
  }
  expect([...linted.keys()].filter((folder) => !table.has(folder))).toEqual([]);
});

test("layers: the table has no way round in a circle", () => {
  const table = tableOfLayers();
  for (const [folder, may] of table) for (const below of may) expect(table.get(below), below).not.toContain(folder);
});

// A project of its own with our rules, so that nothing forbidden ever lies in this one.
const project = mkdtempSync(join(tmpdir(), "skysense-lint-"));
const planted: Record<string, string> = {
  "src/graph/upward.ts":
    'import { presets } from "../model/presets.ts";\nexport const names = Object.keys(presets);\n',
  "src/graph/lazily-upward.ts": 'export const load = () => import("../runtime/session.ts");\n',
  "src/graph/downward.ts": 'import { bug } from "../core/error.ts";\nexport const fail = () => bug("x");\n',
  "src/graph/cycle-a.ts": 'import { b } from "./cycle-b.ts";\nexport const a = (): number => b();\n',
  "src/graph/cycle-b.ts": 'import { a } from "./cycle-a.ts";\nexport const b = (): number => a();\n',
  "src/imagery/node-module.ts": 'import { readFileSync } from "node:fs";\nexport const read = readFileSync;\n',
  "src/imagery/node-package.ts": 'import sharp from "sharp";\nexport const decode = sharp;\n',
  "src/imagery/node-file.ts": 'import { open } from "./open.node.ts";\nexport const again = open;\n',
  "src/imagery/types-only.ts": 'import type { Sharp } from "sharp";\nexport type Picture = Sharp;\n',
  "src/imagery/open.node.ts": 'import sharp from "sharp";\nexport const open = sharp;\n',
};
let reported: { file: string; rule: string; message: string }[] = [];

beforeAll(() => {
  for (const name of ["biome.json", ".gitignore", "scripts/lint"]) {
    cpSync(join(root, name), join(project, name), { recursive: true });
  }
  for (const [name, text] of Object.entries(planted)) {
    mkdirSync(dirname(join(project, name)), { recursive: true });
    writeFileSync(join(project, name), text);
  }
  const biome = join(root, "node_modules/@biomejs/biome/bin/biome");
  const { stdout } = spawnSync(process.execPath, [biome, "lint", "--reporter=github", "src"], {
    cwd: project,
    encoding: "utf8",
  });
  const line = /^::error title=([^,]+),file=([^,]+),.*?::(.*)$/gm;
  reported = [...stdout.matchAll(line)].map(([, rule, file, message]) => ({
    rule: rule!.split("/").at(-1)!,
    file: file!.slice(file!.indexOf("src/")),
    message: message!,
  }));
});
afterAll(() => rmSync(project, { recursive: true }));

test.each([
  ["src/graph/upward.ts", "noRestrictedImports", "graph/ may import core only"],
  ["src/graph/lazily-upward.ts", "noRestrictedImports", "graph/ may import core only"],
  ["src/graph/cycle-a.ts", "noImportCycles", "cycle"],
  ["src/graph/cycle-b.ts", "noImportCycles", "cycle"],
  ["src/imagery/node-module.ts", "noNodejsModules", "Node.js builtin"],
  ["src/imagery/node-package.ts", "plugin", "*.node.ts"],
  ["src/imagery/node-file.ts", "plugin", "*.node.ts"],
])("lint: refuses %s by %s", (file, rule, message) => {
  expect(reported.filter((r) => r.file === file)).toEqual([
    { file, rule, message: expect.stringContaining(message) },
  ]);
});

test.each(["src/graph/downward.ts", "src/imagery/types-only.ts", "src/imagery/open.node.ts"])(
  "lint: allows %s",
  (file) => {
    expect(reported.filter((r) => r.file === file)).toEqual([]);
  },
);
