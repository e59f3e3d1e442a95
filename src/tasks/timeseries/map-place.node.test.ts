import { expect, test } from "vitest";
import { presets } from "../../model/presets.ts";
import type { SeriesConfig } from "./head.ts";
import { mapPlace } from "./map-place.node.ts";
import type { SeriesSession } from "./series-session.node.ts";

const config: SeriesConfig = {
  ...{ model: presets.tiny, sensors: ["hr"], dates: 1, size: 4, channels: 4, answer: "map" },
  classes: [
    { name: "a", colour: "#000000" },
    { name: "b", colour: "#ffffff" },
  ],
};

/** Says "b" of the third of four columns of cells, and "a" of all others. */
const session = {
  config,
  scores: async () => [
    Float32Array.from({ length: 3 * 4 * 2 }, (_, i) => ((i % 2 === 1) === ((i >> 1) % 4 === 2) ? 9 : 0)),
  ],
} as unknown as SeriesSession;

test("mapPlace: cells have their 32 pixels also where they stick out of the image", async () => {
  const [width, height] = [100, 70];
  const stack = {
    data: new Float32Array(3 * width * height),
    bands: ["R", "G", "B"],
    shape: [1, 3, height, width] as const,
  };
  const { labels } = await mapPlace(session, { hr: stack }, { width, height });
  const found = [...labels.subarray(0, width).entries()].flatMap(([x, label]) => (label === 1 ? [x] : []));
  expect([found[0], found.at(-1)]).toEqual([64, 95]);
});
