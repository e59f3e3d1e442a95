import { expect, test } from "vitest";
import { ignoredLabel } from "./label-map.ts";
import { readLabelled } from "./read-sample.node.ts";
import { seenLabels } from "./seen-labels.ts";

/** Two rows and columns. */
const labels = { data: Uint8Array.of(0, 1, 1, 0), width: 2, height: 2 };
const dated = (...masks: readonly (readonly number[])[]) => ({
  shape: [masks.length, 1, 2, 2] as const,
  mask: Uint8Array.from(masks.flat()),
});
const none = ignoredLabel;

test("seenLabels: what no date shows has no label; where dates are compared, neither has what one of them lacks", () => {
  const stack = dated([1, 1, 0, 0], [1, 0, 1, 0]);
  expect([...seenLabels(labels, [stack]).data]).toEqual([0, 1, 1, none]);
  expect([...seenLabels(labels, [stack], { compared: true }).data]).toEqual([0, none, none, none]);
});

test("seenLabels: one sensor is enough, and finer labels are looked up on coarser images", () => {
  const blind = dated([0, 0, 0, 0]);
  expect(seenLabels(labels, [blind, { shape: [1, 1, 2, 2] }])).toBe(labels);
  expect([...seenLabels(labels, [blind]).data]).toEqual([none, none, none, none]);
  const fine = { data: new Uint8Array(16), width: 4, height: 4 };
  const rows = [...seenLabels(fine, [dated([1, 0, 1, 1])]).data];
  expect(rows.slice(0, 8)).toEqual([0, 0, none, none, 0, 0, none, none]);
  expect(rows.slice(8)).toEqual(new Array(8).fill(0));
});

test("readLabelled: shapes that lie over an image without data say nothing there, background neither", async () => {
  const place = {
    hr: {
      data: new Float32Array(12),
      shape: [1, 3, 2, 2] as const,
      bands: ["R", "G", "B"],
      mask: Uint8Array.of(1, 1, 1, 0),
    },
  };
  const shapes = { file: "labels.gpkg", width: 2, height: 2, elsewhere: 0, shapes: [] };
  expect([...(await readLabelled({ place }, shapes)).labels.data]).toEqual([0, 0, 0, none]);
  await expect(readLabelled({ place }, { ...shapes, width: 3 })).rejects.toThrow(
    "the mask has 3 × 2 pixels, but its image has 2 × 2 (labels.gpkg)",
  );
});
