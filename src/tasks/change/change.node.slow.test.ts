import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { openModel } from "../../embed/load-model.node.ts";
import { openRaster } from "../../imagery/raster/open.node.ts";
import { writeCog } from "../../imagery/raster/write-cog.node.ts";
import { openChangeSet } from "./data/open-change-set.node.ts";
import { finetuneChange } from "./finetune.node.ts";
import { predictChange } from "./predict.node.ts";
import { trainAndJudge } from "./train-and-judge.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-change-"));
afterAll(() => rmSync(folder, { recursive: true }));
const set = join(folder, "set");
const run = join(folder, "run");

/** Grass under another sun in each picture, on which red roofs appear: pixels by [row, column, band], and where. */
function pair(seed: number, { width, height }: { width: number; height: number }) {
  const random = createRandom(seed, "pair");
  const roofs = Array.from({ length: Math.ceil((width * height) / 2500) }, (_, i) => ({
    left: random.integer(width - 20),
    top: random.integer(height - 20),
    side: 12 + random.integer(8),
    stood: i % 3 === 0,
  }));
  const mask = new Uint8Array(width * height);
  const [before, after] = [0, 1].map((date) => {
    const rgb = new Uint8Array(3 * width * height);
    const light = 0.8 + 0.4 * random.uniform();
    for (let p = 0; p < mask.length; p++) {
      const [x, y] = [p % width, Math.floor(p / width)];
      const on = (roof: (typeof roofs)[number]) =>
        x >= roof.left && x < roof.left + roof.side && y >= roof.top && y < roof.top + roof.side;
      const there = roofs.some((roof) => on(roof) && (roof.stood || date === 1));
      if (date === 1) mask[p] = there && !roofs.some((roof) => on(roof) && roof.stood) ? 255 : 0;
      const colour = there ? [190, 60, 50] : [60, 140, 60];
      for (let b = 0; b < 3; b++) rgb[3 * p + b] = Math.min(255, light * colour[b]! + random.integer(15));
    }
    return rgb;
  });
  return { before: before!, after: after!, mask };
}

beforeAll(async () => {
  const side = 64;
  for (let i = 0; i < 14; i++) {
    const split = i < 10 ? "train" : "val";
    const { before, after, mask } = pair(i, { width: side, height: side });
    for (const [name, data, channels] of [
      ["A", before, 3],
      ["B", after, 3],
      ["label", mask, 1],
    ] as const) {
      mkdirSync(join(set, split, name), { recursive: true });
      const image = sharp(data, { raw: { width: side, height: side, channels } });
      await image
        .toColourspace(channels === 1 ? "b-w" : "srgb")
        .png()
        .toFile(join(set, split, name, `${i}.png`));
    }
  }
});

const settings = { model: "tiny", size: 64, channels: 16, batchSize: 8, lr: 5e-3, threads: 2, command: "" } as const;

test("trainAndJudge: a detector learns which roofs are new; report, results and model are there", async () => {
  const { summary } = await trainAndJudge({ ...settings, set: await openChangeSet(set), out: run, steps: 80 });
  expect(summary!.f1).toBeGreaterThan(0.6);
  expect(summary!.pairs).toBe(4);
  expect(readFileSync(join(run, "report.html"), "utf8")).toContain("change that was missed");
  expect(JSON.parse(readFileSync(join(run, "results.json"), "utf8")).f1).toBe(summary!.f1);
}, 240_000);

test("finetuneChange: an interrupted run goes on bit for bit; a frozen encoder stays as it was", async () => {
  const tune = async (name: string, options: object) =>
    finetuneChange({
      ...{ ...settings, batchSize: 2, channels: 8, head: "difference" as const },
      ...{ set: await openChangeSet(set), out: join(folder, name), steps: 4 },
      ...options,
    });
  const whole = await tune("whole", {});
  const stop = new AbortController();
  const onProgress = ({ done }: { done: number }) => done === 2 && stop.abort(new Error("stopped"));
  await expect(tune("parts", { signal: stop.signal, onProgress })).rejects.toThrow("stopped");
  expect(await (await tune("parts", {})).weights.sha256()).toBe(await whole.weights.sha256());
  const base = openModel("tiny", { seed: 0 }).weights;
  for (const mode of ["frozen", "lora"] as const) {
    const { weights } = await tune(mode, { mode, rank: 4 });
    for (const name of weights.entries.keys()) {
      if (!name.startsWith("backbone_") || name.includes("lora")) continue;
      expect(weights.float32(name), name).toEqual(base.float32(name));
    }
  }
}, 240_000);

const [width, height] = [201, 170];
const grid = { crs: "EPSG:32632", transform: [0.5, 0, 600_000, 0, -0.5, 5_300_000], width, height } as const;

async function scene(name: string, rgb: Uint8Array, { empty = 0, crs = grid.crs as string } = {}) {
  const planes = new Uint8Array(rgb.length);
  const pixels = width * height;
  for (let p = 0; p < pixels; p++)
    for (let b = 0; b < 3; b++) planes[b * pixels + p] = p < empty ? 0 : Math.max(1, rgb[3 * p + b]!);
  const path = join(folder, name);
  await writeCog({
    ...{ path, grid: { ...grid, crs }, type: "uint8", rows: [planes] },
    bands: ["red", "green", "blue"].map((colour) => ({ name: colour, colour, nodata: 0 })),
  });
  return path;
}

test("predictChange: two scenes become a map as their truth; killed midway it goes on to the same map", async () => {
  const { before, after, mask } = pair(99, { width, height });
  const images = {
    before: [await scene("2019.tif", before)],
    after: [await scene("2021.tif", after, { empty: 10 * width })],
  };
  const model = join(run, "model.safetensors");
  const predict = (out: string, options: object = {}) =>
    predictChange({ model, ...images, out: join(folder, out), window: 64, minPixels: 1, ...options });
  const whole = (await predict("map"))!;
  const stop = new AbortController();
  const onProgress = ({ phase, done }: { phase: string; done: number }) =>
    phase === "compare" && done >= 8 && stop.abort(new Error("killed"));
  await expect(predict("again", { signal: stop.signal, onProgress })).rejects.toThrow("killed");
  const again = (await predict("again"))!;
  expect(again.resumedRows).toBeGreaterThan(0);
  for (const name of ["change", "probability", "polygons"])
    expect(readFileSync(again.files[name]!)).toEqual(readFileSync(whole.files[name]!));

  const [map, probability] = [await openRaster(whole.files.change!), await openRaster(whole.files.probability!)];
  expect(map.grid).toEqual(grid);
  const [labels, percent] = [(await map.read()).data, (await probability.read()).data];
  let [wrong, changed] = [0, 0];
  for (const [p, truth] of mask.entries()) {
    if (p < 10 * width)
      expect(labels[p]).toBe(255); // no image after
    else {
      if (labels[p] !== (truth === 255 ? 1 : 0)) wrong++;
      if (labels[p] === 1) changed++;
      expect(labels[p] === 1 ? percent[p]! >= 50 : percent[p]! <= 50).toBe(true);
    }
  }
  expect(wrong / mask.length).toBeLessThan(0.15);
  expect(whole.changed.pixels).toBe(changed);
  expect(whole.changed.hectares! / ((changed * 0.25) / 1e4)).toBeCloseTo(1, 2);
  const { features } = JSON.parse(readFileSync(whole.files.polygons!, "utf8"));
  expect(features.every((one: { properties: { class: string } }) => one.properties.class === "changed")).toBe(true);
  await Promise.all([map.close(), probability.close()]);

  const elsewhere = [await scene("other.tif", after, { crs: "EPSG:32633" })];
  await expect(predict("crs", { after: elsewhere })).rejects.toThrow(/this file is in EPSG:32633, .*--reproject/);
}, 240_000);
