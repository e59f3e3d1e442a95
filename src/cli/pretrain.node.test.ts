import { expect, test } from "vitest";
import { cli } from "../../test/support/cli.ts";

test("pretrain: settings that are no JSON, or that do not exist, are refused in one sentence", async () => {
  const run = (settings: string) => cli("pretrain", "--data", "x.jsonl", "--out", "x", "--settings", settings);
  expect((await run("{locals}")).stderr).toContain("Write an object of JSON");
  expect((await run('{"local":4}')).stderr).toMatch(/There is no setting "local"; there are steps, .*locals/s);
});
