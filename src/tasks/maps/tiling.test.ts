import { expect, test } from "vitest";
import type { Place } from "../../core/place.ts";
import { presets } from "../../model/presets.ts";
import { mapImage } from "./map-image.node.ts";
import type { MapSession } from "./map-session.node.ts";
import { encoderStep, type MapperConfig } from "./mapper.ts";
import { tileField } from "./tiling.ts";

const config: MapperConfig = {
  model: presets.tiny,
  sensor: "hr",
  bands: [0, 1, 2],
  size: 64,
  classes: [
    { name: "dark", colour: "#000000" },
    { name: "bright", colour: "#ffffff" },
  ],
};

test("tileField: windows hold whole windows of the encoder, start where these do, and weigh one at every cell", () => {
  expect(encoderStep(config)).toBe(64);
  const { tiling, window, overlap } = tileField(config, { width: 300, height: 70 });
  expect([window, overlap]).toEqual([512, 128]);
  for (const [axis, length] of [
    [tiling.columns, 300],
    [tiling.rows, 70],
  ] as const) {
    const sums = new Float64Array(length);
    for (const [k, start] of axis.starts.entries()) {
      expect(start % 16).toBe(0);
      for (const [i, weight] of axis.weights[k]!.entries()) sums[start + i]! += weight;
    }
    for (const sum of sums) expect(sum).toBeCloseTo(1, 6);
  }
  expect(() => tileField(config, { width: 9, height: 9 }, { window: 100 })).toThrow("repeat every 64");
  expect(() => tileField(config, { width: 9, height: 9 }, { window: 128, overlap: 80 })).toThrow("share 80");
});

test("mapImage: windows are put together where they belong, whatever the size of the image", async () => {
  // Scores of a cell are its mean brightness: what comes out must be the image, smoothed.
  const session: Pick<MapSession, "config" | "scores"> = {
    config,
    scores: async (places) =>
      places.map(({ hr }) => {
        const [, , height, width] = hr!.shape;
        const [rows, columns] = [Math.ceil(height / 4), Math.ceil(width / 4)];
        const out = new Float32Array(2 * rows * columns);
        for (let cell = 0; cell < rows * columns; cell++) {
          const [y, x] = [4 * Math.floor(cell / columns), 4 * (cell % columns)];
          out[2 * cell + 1] = hr!.data[y * width + x]! - 128;
        }
        return out;
      }),
  };
  const [width, height] = [333, 150];
  const bright = (x: number, y: number) => (x - 200) ** 2 + (y - 70) ** 2 < 60 ** 2;
  const data = new Float32Array(3 * width * height);
  for (let p = 0; p < width * height; p++) data[p] = bright(p % width, Math.floor(p / width)) ? 255 : 0;
  const place: Place = { hr: { data, shape: [1, 3, height, width], bands: ["R", "G", "B"] } };
  const { labels } = await mapImage(session as MapSession, place, { window: 128, overlap: 64 });
  let wrong = 0;
  for (const [p, label] of labels.entries()) if (label !== Number(bright(p % width, Math.floor(p / width)))) wrong++;
  expect(wrong / labels.length).toBeLessThan(0.03); // the rim of the disk, 4 pixels wide
});
