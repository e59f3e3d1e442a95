import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { presets } from "../../model/presets.ts";
import { parseClassTable } from "../maps/classes.ts";
import type { MaskSet } from "./data/mask-set.ts";
import { judgeSegmenter } from "./evaluate.node.ts";
import type { SegmenterSession } from "./segmenter-session.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-judge-"));
const table = parseClassTable(
  {
    classes: [
      { name: "dark", value: 0 },
      { name: "bright", value: 9 },
    ],
    ignore: [5],
  },
  "",
);
const [width, height] = [300, 64];

/** Calls every cell bright. */
const session = {
  config: { model: presets.tiny, sensor: "hr", bands: [0, 1, 2], size: 64, ...table },
  scores: async (places: { hr?: { shape: readonly number[] } }[]) =>
    places.map(({ hr }) => {
      const cells = Math.ceil(hr!.shape[2]! / 4) * Math.ceil(hr!.shape[3]! / 4);
      return Float32Array.from({ length: 2 * cells }, (_, i) => i % 2);
    }),
} as unknown as SegmenterSession;

const png = (name: string, w: number, channels: 1 | 3, of: (x: number) => number) =>
  sharp(
    Uint8Array.from({ length: w * height * channels }, (_, i) => of(Math.floor(i / channels) % w)),
    { raw: { width: w, height, channels } },
  )
    .toColourspace(channels === 1 ? "b-w" : "srgb")
    .png()
    .toFile(join(folder, name));

beforeAll(async () => {
  await png("image.png", width, 3, () => 100);
  // A third dark, a third ignored, a third bright.
  await png("mask.png", width, 1, (x) => (x < 100 ? 0 : x < 200 ? 5 : 9));
  await png("narrow.png", 200, 1, () => 0);
  writeFileSync(join(folder, "damaged.png"), "no picture");
});
afterAll(() => rmSync(folder, { recursive: true }));

const item = (image: string, mask: string) => ({
  id: image,
  image: join(folder, image),
  mask: join(folder, mask),
  split: undefined,
});
const set: MaskSet = { name: "set", path: folder, layout: "", ...table, items: [] };
const judge = (...items: ReturnType<typeof item>[]) => judgeSegmenter(session, items, { set });

test("judgeSegmenter: labelled pixels alone are counted, and the worst tiles come first", async () => {
  const { images, worst, failures } = await judge(item("image.png", "mask.png"), item("damaged.png", "mask.png"));
  expect([...images[0]!.confusion.counts]).toEqual([0, 100 * height, 0, 100 * height]);
  expect(failures.map(({ id }) => id)).toEqual(["damaged.png"]);
  // Two halves: 100 dark columns and 50 ignored, then 50 ignored and 100 bright.
  expect(worst.map((tile) => [tile.window, tile.wrong])).toEqual([
    [[0, 0, 150, height], 1],
    [[150, 0, 150, height], 0],
  ]);
  expect(worst[0]!.image.shape).toEqual([1, 3, height, 150]);
});

test("judgeSegmenter: a mask that does not fit its image is an error, as is a set of which nothing can be read", async () => {
  await expect(judge(item("image.png", "narrow.png"))).rejects.toThrow(
    `the mask has 200 × 64 pixels, but its image has 300 × 64 (${join(folder, "narrow.png")})`,
  );
  await expect(judge(item("damaged.png", "mask.png"))).rejects.toThrow("no image could be judged");
});
