import { afterAll, expect, test, vi } from "vitest";
import type { ImageStack, Place, SensorName } from "../../core/place.ts";
import { createRandom } from "../../core/random.ts";
import { toOnnx } from "../../graph/onnx.ts";
import { profiles } from "../../imagery/sensor/profiles.ts";
import { initialise } from "../../model/initialise.ts";
import { listParameters } from "../../model/parameters.ts";
import { presets } from "../../model/presets.ts";
import { createRuntime } from "../../runtime/runtime.node.ts";
import { weightsFromTensors } from "../../runtime/weights.ts";
import { keepPlace } from "../../train/data/kept-place.ts";
import { makeBatch } from "../../train/data/make-batch.ts";
import { chooseImages } from "./choose-images.ts";
import { seriesFeeds } from "./feeds.ts";
import { recipeOf } from "./finetune.node.ts";
import { type Answer, initSeries, onlySensors, type SeriesConfig, seriesScores } from "./head.ts";
import { openSeriesModel } from "./series-session.node.ts";

vi.setConfig({ testTimeout: 120_000 });

const side = 8;
const random = createRandom(5);

/** Noise of any sensor, with a corner of one date masked. */
function stack(sensor: SensorName, dates: readonly string[], bands: readonly string[]): ImageStack {
  const scale = sensor === "hr" ? 32 : 1;
  const [height, width] = [side * scale, side * scale];
  const known = profiles[sensor].bands;
  const data = new Float32Array(dates.length * bands.length * height * width);
  for (const [i] of data.entries()) {
    const name = bands[Math.floor(i / (height * width)) % bands.length];
    const { mean, std } = known.find((band) => band.name === name)!.normalisation!;
    data[i] = Math.fround((mean + std * (2 * random.uniform() - 1)) * profiles[sensor].div);
  }
  const mask = new Uint8Array(dates.length * height * width).fill(1);
  for (let y = 0; y < height / 2; y++) mask.fill(0, y * width, y * width + width / 2);
  return { data, shape: [dates.length, bands.length, height, width], bands, mask, dates };
}

const s2Bands = ["B02", "B03", "B04", "B05", "B06", "B07", "B08", "B8A", "B11", "B12"];
const six = ["B05", "B06", "B07", "B8A", "B11", "B12"];

const places: Place[] = [
  {
    hr: stack("hr", ["2020-06-01"], ["R", "G", "B"]),
    s2: stack("s2", ["2020-01-01", "2020-05-01", "2020-09-01"], s2Bands),
    s1: stack("s1", ["2020-02-01", "2020-03-01"], ["VV", "VH"]),
  },
  // No HR, fewer dates, six bands.
  { s2: stack("s2", ["2020-07-01"], six), s1: stack("s1", ["2020-02-01"], ["VV", "VH"]) },
];

function configOf(answer: Answer, sensors: readonly SensorName[]): SeriesConfig {
  const classes = ["#000000", "#ff0000", "#00ff00"].map((colour, k) => ({ name: `class ${k}`, colour }));
  return { model: onlySensors(presets.tiny, sensors), sensors, dates: 3, size: side, answer, classes, channels: 8 };
}

function weightsOf(c: SeriesConfig) {
  const shapes = new Map(listParameters(initSeries(c)));
  const drawn = [...initialise(initSeries(c), { seed: 3 })].map(([name, data]) => {
    // Batch norms start with nothing to say; the calendar, too.
    if (/running_mean|ctpe/.test(name)) for (const [i] of data.entries()) data[i] = 0.2 * random.normal();
    return [name, { dtype: "F32" as const, shape: shapes.get(name)!.shape, data }] as const;
  });
  return weightsFromTensors(new Map(drawn), { name: "test" });
}

const batchOf = async (c: SeriesConfig, some: readonly Place[]) => {
  const setup = {
    ...{ classes: 3, batchSize: some.length, share: { rank: 0, size: 1 }, seed: 0, shuffle: false, views: [] },
    samples: some.map((_, i) => ({ id: `${i}`, labels: [i] })),
    recipe: recipeOf(c),
  };
  const kept = some.map(keepPlace);
  const reader = { kept: (i: number) => kept[i], read: () => Promise.reject(new Error("none")) };
  return (await makeBatch(0, setup, { reader })).batch;
};

const runtime = createRuntime();
afterAll(() => runtime.release());

/** Scores by the graph that is trained. */
async function trained(c: SeriesConfig, some: readonly Place[], weights: ReturnType<typeof weightsOf>) {
  const batch = await batchOf(c, some);
  const { labels: _, ...feeds } = seriesFeeds({ ...batch, labelMaps: new Uint8Array(some.length * side ** 2) }, c);
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
  const session = await runtime.compile(toOnnx({ logits: seriesScores(c, shapes) }), { device: "cpu", weights });
  const needed = session.inputs.map(({ name }) => [name, feeds[name]!] as const);
  return (await session.run(Object.fromEntries(needed))).logits!;
}

const worst = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));

test.each([[["hr", "s2", "s1"] as const], [["s2"] as const]])(
  "seriesScores: the graph that is trained says of mixed places with %j what the engine of prediction says of each",
  async (sensors) => {
    const c = configOf("map", sensors);
    const weights = weightsOf(c);
    const logits = await trained(c, places, weights);
    expect(logits.shape).toEqual([2, 3, side, side]);
    const session = openSeriesModel({ config: c, weights });
    const chosen = places.map((place) => chooseImages(place, c));
    const single = await session.scores(chosen);
    const together = logits.data as Float32Array;
    for (const [i, scores] of single.entries()) {
      const own = Float32Array.from({ length: scores.length }, (_, at) => {
        const [cell, k] = [Math.floor(at / 3), at % 3];
        return together[(i * 3 + k) * side ** 2 + cell]!;
      });
      const valid = [...scores].flatMap((value, at) => (Number.isNaN(value) ? [] : [at]));
      expect(
        worst(
          valid.map((at) => scores[at]!),
          valid.map((at) => own[at]!),
        ),
      ).toBeLessThan(1e-4);
      expect(Math.max(...own) - Math.min(...own)).toBeGreaterThan(1e-2);
    }
    // The one image of the second place has a masked corner; the first place is seen there by other dates.
    const empty = single.map((scores) => scores.filter(Number.isNaN).length / 3);
    expect(empty).toEqual(sensors.length === 1 ? [0, 16] : [0, 16]);
    await session.release();
  },
);

test("seriesScores: a place is classed alike alone and beside others, whatever they have", async () => {
  const c = configOf("class", ["s2", "s1"]);
  const weights = weightsOf(c);
  const all = (await trained(c, [...places, { s1: places[0]!.s1! }], weights)).data as Float32Array;
  for (const [i, place] of [...places, { s1: places[0]!.s1! }].entries()) {
    const alone = (await trained(c, [place], weights)).data as Float32Array;
    expect(worst(alone, all.subarray(3 * i, 3 * i + 3))).toBeLessThan(1e-5);
  }
  const session = openSeriesModel({ config: c, weights });
  const probabilities = await session.probabilities(await batchOf(c, places));
  expect(probabilities.subarray(0, 3).reduce((a, b) => a + b, 0)).toBeCloseTo(1, 5);
  await session.release();
});

test("seriesFeeds: labels of cells that no image shows count for nothing", async () => {
  const c = configOf("map", ["s2"]);
  const batch = await batchOf(c, places);
  const { labels } = seriesFeeds({ ...batch, labelMaps: new Uint8Array(2 * side ** 2).fill(1) }, c);
  const none = Array.from(
    { length: 2 },
    (_, i) => labels!.data.subarray(i * side ** 2, (i + 1) * side ** 2).filter((label) => label === 255n).length,
  );
  // Other dates of the first place show the corner that the only one of the second place lacks.
  expect(none).toEqual([0, 16]);
});

test("chooseImages: dates are evenly chosen among those that show something, sensors as asked for", () => {
  const [first] = places as [Place];
  const { s2 } = chooseImages(first, { sensors: ["s2"], dates: 1 });
  expect([s2!.shape[0], s2!.dates]).toEqual([1, ["2020-05-01"]]);
  const pixels = 10 * side ** 2;
  expect(s2!.data).toEqual(first.s2!.data.slice(pixels, 2 * pixels));
  const hidden = { ...first.s2!, mask: first.s2!.mask!.map((m, i) => (i < 2 * side ** 2 ? 0 : m)) };
  expect(chooseImages({ s2: hidden }, { sensors: ["s2"], dates: 1 }).s2!.dates).toEqual(["2020-09-01"]);
  expect(Object.keys(chooseImages(first, { sensors: ["s1", "hr"], dates: 9 })).sort()).toEqual(["hr", "s1"]);
  expect(() => chooseImages({ s1: first.s1! }, { sensors: ["s2"], dates: 1 }, "a.tif")).toThrow(
    "the place has images of s1, and none of s2 (a.tif). Give images of these sensors, or choose others by --sensors.",
  );
});
