import { afterAll, expect, test } from "vitest";
import { noise } from "../../test/support/arrays.ts";
import type { ImageStack } from "../core/place.ts";
import { loadModel } from "../embed/load-model.node.ts";
import { stageFeatures } from "./stage-features.ts";

const model = loadModel("tiny", { seed: 0 });
afterAll(() => model.release());

const image = (height: number, width: number, seed: number): ImageStack => ({
  data: Float32Array.from(noise([1, 3, height, width], seed).data, (v) => 128 + 100 * v),
  shape: [1, 3, height, width],
  bands: ["R", "G", "B"],
});

test("encodeStages: the last stage is what encodeCells gives, whatever the size; each before it is twice as fine", async () => {
  const images = [image(64, 64, 1), image(100, 70, 2)];
  const encoded = await model.encodeStages(images);
  const cells = await model.encodeCells(images.map((hr) => ({ hr })));
  for (const [i, { stages }] of encoded.entries()) {
    expect(stages.at(-1)!.data).toEqual(cells[i]!.sensors.hr);
    const [height, width] = cells[i]!.grid;
    const sides = stages.map(({ shape: [, h, w] }) => [h / height, w / width]);
    expect(sides).toEqual(stages.map((_, k) => [2 ** (3 - k), 2 ** (3 - k)]));
    for (const { data, shape } of stages) expect(data).toHaveLength(shape.reduce((a, b) => a * b));
  }
});

test("stageFeatures: mean and deviation of the tokens of valid cells, stage after stage", async () => {
  const hr = image(64, 96, 3);
  // The left third is missing: cells of 32 pixels.
  const mask = Uint8Array.from({ length: 64 * 96 }, (_, i) => (i % 96 < 32 ? 0 : 1));
  const place = { hr: { ...hr, mask } };
  const [{ stages }] = (await model.encodeStages([place.hr])) as [Awaited<ReturnType<typeof model.encodeStages>>[0]];
  const { extract } = await stageFeatures(model, ["stage1", "stage4"]);
  const [vector] = await extract([place]);
  const wanted = [0, 3].flatMap((k) => {
    const { data, shape } = stages[k]!;
    const [, height, width, channels] = shape;
    const columns = Array.from({ length: channels }, (_, j) =>
      Array.from({ length: height * width }, (_, token) => token)
        .filter((token) => (token % width) * 3 >= width)
        .map((token) => data[token * channels + j]!),
    );
    const mean = (values: number[]) => values.reduce((a, b) => a + b, 0) / values.length;
    const deviation = (values: number[]) => Math.sqrt(mean(values.map((v) => (v - mean(values)) ** 2)));
    return [...columns.map(mean), ...columns.map(deviation)];
  });
  expect(vector).toHaveLength(wanted.length);
  for (const [i, value] of wanted.entries()) expect(vector![i]).toBeCloseTo(value, 4);
});

test("stageFeatures: of a model that gives some stages alone, they are found by name, and another is refused", async () => {
  const some: typeof model = {
    ...model,
    encodeStages: async (images) =>
      (await model.encodeStages(images)).map((one) => ({ ...one, stages: one.stages.slice(1) })),
  };
  const place = { hr: image(64, 64, 4) };
  const second = async (from: typeof model) => (await (await stageFeatures(from, ["stage2"])).extract([place]))[0];
  expect(await second(some)).toEqual(await second(model));
  const { extract } = await stageFeatures(some, ["stage1"]);
  await expect(extract([place])).rejects.toMatchObject({ code: "STAGE_ABSENT" });
});

test("stageFeatures: a place without HR image is refused with the remedy", async () => {
  const { extract } = await stageFeatures(model, ["stage1"]);
  const s1: ImageStack = { data: new Float32Array(8), shape: [1, 2, 2, 2], bands: ["VV", "VH"] };
  await expect(extract([{ s1 }])).rejects.toMatchObject({ code: "SENSOR_ABSENT" });
});
