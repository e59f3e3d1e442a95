import { Command } from "commander";
import { expect, test } from "vitest";
import { readDocument } from "../../test/support/documents.ts";
import { parsePlaceLine } from "../evaluate/place-list.node.ts";
import { addData } from "./data.node.ts";

const page = readDocument("docs/pretraining-data.md");

test("docs/pretraining-data.md: its lines are lines of a list", () => {
  const [, lines] = /^```jsonl\n([\s\S]*?)^```/m.exec(page)!;
  const entries = lines!
    .trim()
    .split("\n")
    .map((line) => parsePlaceLine(line, { folder: "/", where: "the page" }));
  expect(entries.map(({ id }) => id)).toEqual([
    "scenes/00001.webp",
    "town.jpg",
    "flood 3",
    "t1.tif",
    "earth.jpg@2176,512",
  ]);
});

test("docs/pretraining-data.md: the options of `data index` exist", () => {
  const program = new Command();
  addData(program);
  const [data] = program.commands;
  const help = data!.commands.find((command) => command.name() === "index")!.helpInformation();
  const named = [...page.matchAll(/(?<!-)--[a-z][a-z-]*/g)]
    .map(([option]) => option)
    .filter((option) => option !== "--data");
  expect(named).toContain("--patch-cells");
  for (const option of named) expect(help).toContain(`${option} `);
});
