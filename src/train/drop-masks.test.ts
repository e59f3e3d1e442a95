import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { batchDim, timesDim } from "../graph/shape.ts";
import { drawMasks } from "./drop-masks.ts";

const masks = [
  { name: "drop.layers.1.ffn", shape: [batchDim()], rate: 0.25 },
  { name: "drop.dropout", shape: [timesDim(batchDim(), 2), 100], rate: 0.1 },
];

test("drawMasks: zeros at the rate, and what is kept makes up for them", () => {
  const feeds = drawMasks(masks, { batch: 4000, random: createRandom(1) });
  const path = feeds["drop.layers.1.ffn"]!;
  expect(path.shape).toEqual([4000]);
  expect(new Set(path.data as Float32Array)).toEqual(new Set([0, Math.fround(1 / 0.75)]));
  const mean = (data: Float32Array) => data.reduce((a, b) => a + b) / data.length;
  expect(mean(path.data as Float32Array)).toBeCloseTo(1, 1);
  const channels = feeds["drop.dropout"]!;
  expect(channels.shape).toEqual([8000, 100]);
  expect(mean(channels.data as Float32Array)).toBeCloseTo(1, 2);
});

test("drawMasks: the same generator draws the same", () => {
  const draw = () => drawMasks(masks, { batch: 3, random: createRandom(7, "noise", 12) });
  expect(draw()).toEqual(draw());
});
