import { expect, test } from "vitest";
import { listParameters } from "../../model/parameters.ts";
import { presets } from "../../model/presets.ts";
import { plainChange } from "./data/change-set.ts";
import { type ChangeConfig, inferenceGraph, initChangeDetector } from "./head.ts";
import { lossGraph } from "./loss.ts";
import { changeFile } from "./model-file.ts";

const config: ChangeConfig = {
  model: presets.tiny,
  sensor: "hr",
  bands: [0, 1, 2],
  size: 64,
  classes: plainChange.classes,
  head: { kind: "tokens", channels: 8 },
};

test.each([
  ["hr", "tokens", 4],
  ["hr", "difference", 4],
  ["s2", "tokens", 1],
  ["s2", "difference", 1],
  ["s1", "difference", 1],
] as const)("inferenceGraph: pairs of %s images by %s get scores at every %i. pixel", (sensor, kind, step) => {
  const bands = sensor === "hr" ? 3 : presets.tiny[sensor].encoder.bands;
  const one: ChangeConfig = { ...config, sensor, bands: [...Array(bands).keys()], head: { kind, channels: 8 } };
  expect(inferenceGraph(one, [128, 64]).shape.slice(1)).toEqual([128 / step, 64 / step, 2]);
});

test("lossGraph: every image of a pair is dropped for itself, and running statistics are followed", () => {
  const { graph, masks } = lossGraph(config, { dropPath: 0.2 });
  expect(masks.length).toBeGreaterThan(0);
  for (const { shape } of masks) expect(shape).toEqual([{ symbol: "batch", times: 2 }]);
  const buffers = listParameters(initChangeDetector(config)).flatMap(([name, { buffer }]) => (buffer ? [name] : []));
  expect(Object.keys(graph.buffers!).sort()).toEqual(buffers.sort());
});

test("initChangeDetector: the encoder has its official names, and adapters where they are asked for", () => {
  const names = listParameters(initChangeDetector({ ...config, adapters: { rank: 2, alpha: 4 } })).map(([n]) => n);
  expect(names).toContain("backbone_hr.patch_embed.projection.weight");
  expect(names).toContain("backbone_hr.stages.0.blocks.0.attn.w_msa.qkv.lora_A.weight");
  expect(names.filter((name) => !name.startsWith("backbone_hr.")).every((n) => n.startsWith("change_head."))).toBe(
    true,
  );
});

test("changeFile: what was written, and nothing that another task wrote", () => {
  expect(changeFile.read(changeFile.write(config), { file: "m" })).toEqual(JSON.parse(JSON.stringify(config)));
  expect(() => changeFile.read({}, { file: "m.safetensors" })).toThrow(
    "the file is not a change detector (m.safetensors). Give the model.safetensors that `skysense finetune change` wrote.",
  );
});
