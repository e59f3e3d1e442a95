import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
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
