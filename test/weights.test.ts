import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadModel, openModel } from "../src/embed/load-model.node.ts";
import { listParameters, type ParameterTree } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { initSkySense } from "../src/model/skysense.ts";

/** The weights that come with the package. */

const at = (name: string) => fileURLToPath(new URL(`../weights/${name}`, import.meta.url));

test("weights/nano.safetensors: trained, of the preset's shapes, finite, at most 20 MB; its STAC item has its hash", () => {
  const file = at("nano.safetensors");
  expect(statSync(file).size).toBeLessThanOrEqual(20e6);
  const { info, weights } = openModel("nano", { seed: 0 });
  expect(info).toMatchObject({ name: "nano", trained: true });
  expect(info.config).toEqual(presets.nano);
  expect(info.trainedOn).toMatch(/^\d+ places/);
  for (const [name, { shape }] of listParameters(initSkySense(presets.nano) as ParameterTree)) {
    expect(weights.entries.get(name)?.shape, name).toEqual(shape);
    expect(
      weights.float32(name).every((value) => Number.isFinite(value)),
      name,
    ).toBe(true);
  }
  weights.close();

  const hash = createHash("sha256").update(readFileSync(file)).digest("hex");
  const item = JSON.parse(readFileSync(at("nano.json"), "utf8"));
  expect(item.assets.model).toMatchObject({ href: "./nano.safetensors", "file:checksum": `1220${hash}` });
  expect(item.properties["mlm:pretrained"]).toBe(true);
  expect(readFileSync(at("README.md"), "utf8")).toContain(hash.slice(0, 12));
});

test("loadModel: nano is what was trained, nano-random is not", async () => {
  const models = [loadModel(), loadModel("nano-random", { seed: 1 })];
  expect(models.map(({ name, trained }) => [name, trained])).toEqual([
    ["nano", true],
    ["nano", false],
  ]);
  await Promise.all(models.map((model) => model.release()));
});
