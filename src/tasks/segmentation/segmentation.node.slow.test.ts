import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import { columnSteps, largestJump } from "../../../test/support/seams.ts";
import { createRandom } from "../../core/random.ts";
import { openModel } from "../../embed/load-model.node.ts";
import { openRaster } from "../../imagery/raster/open.node.ts";
import { writeCog } from "../../imagery/raster/write-cog.node.ts";
import { openMaskSet } from "./data/open-mask-set.node.ts";
import { finetuneSegmentation } from "./finetune.node.ts";
import { predictSegmentation } from "./predict.node.ts";
import { trainAndJudge } from "./train-and-judge.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-segmentation-"));
const set = join(folder, "set");
const run = join(folder, "run");
const side = 96;

/** Red disks on green: what a segmenter of a few hundred weights learns in a minute. */
function scene(seed: number, width: number, height: number) {
  const random = createRandom(seed);
  const disks = Array.from({ length: Math.ceil((width * height) / 3000) }, () => ({
    x: random.integer(width),
    y: random.integer(height),
    r: 8 + random.integer(16),
  }));
  const rgb = new Uint8Array(3 * width * height);
  const mask = new Uint8Array(width * height);
  for (let p = 0; p < width * height; p++) {
    const [x, y] = [p % width, Math.floor(p / width)];
    const inside = disks.some((disk) => (x - disk.x) ** 2 + (y - disk.y) ** 2 < disk.r ** 2);
    mask[p] = inside ? 1 : 0;
    rgb.set(inside ? [200, 60, 50] : [60, 160, 60], 3 * p);
    for (let b = 0; b < 3; b++) rgb[3 * p + b]! += random.integer(20);
  }
  return { rgb, mask };
}

beforeAll(async () => {
  for (const part of ["images/train", "images/val", "masks/train", "masks/val"]) {
    mkdirSync(join(set, part), { recursive: true });
  }
  for (let i = 0; i < 14; i++) {
    const { rgb, mask } = scene(i, side, side);
    const split = i < 10 ? "train" : "val";
    await sharp(rgb, { raw: { width: side, height: side, channels: 3 } })
      .png()
      .toFile(join(set, `images/${split}/${i}.png`));
    await sharp(mask, { raw: { width: side, height: side, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toFile(join(set, `masks/${split}/${i}.png`));
  }
  writeFileSync(
    join(folder, "classes.json"),
    JSON.stringify({
      classes: [
        { name: "land", value: 0 },
        { name: "disk", value: 1, colour: "#ff0000" },
      ],
    }),
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

const settings = { model: "tiny", size: 64, channels: 16, batchSize: 8, lr: 5e-3, threads: 2, command: "" } as const;
const open = () => openMaskSet(set, { classes: join(folder, "classes.json") });

test("trainAndJudge: a segmenter learns disks; report, results and model are there", async () => {
  const { summary } = await trainAndJudge({ ...settings, set: await open(), out: run, steps: 120 });
  expect(summary!.meanIou).toBeGreaterThan(0.85);
  expect(summary!.images).toBe(4);
  expect(readFileSync(join(run, "report.html"), "utf8")).toContain("Worst tiles");
  expect(JSON.parse(readFileSync(join(run, "results.json"), "utf8")).meanIou).toBe(summary!.meanIou);
}, 240_000);

test("finetuneSegmentation: an interrupted run goes on bit for bit; frozen and lora leave the encoder as it was", async () => {
  const tune = async (name: string, options: object) =>
    finetuneSegmentation({ ...settings, set: await open(), out: join(folder, name), steps: 6, ...options });
  const whole = await tune("whole", {});
  const stop = new AbortController();
  const onProgress = ({ done }: { done: number }) => done === 3 && stop.abort(new Error("stopped"));
  await expect(tune("parts", { signal: stop.signal, onProgress })).rejects.toThrow("stopped");
  const parts = await tune("parts", {});
  expect(await parts.weights.sha256()).toBe(await whole.weights.sha256());

  const base = openModel("tiny", { seed: 0 }).weights;
  for (const mode of ["frozen", "lora"] as const) {
    const { weights } = await tune(mode, { mode, rank: 4 });
    for (const name of weights.entries.keys()) {
      if (!name.startsWith("backbone_") || name.includes("lora")) continue;
      expect(weights.float32(name), name).toEqual(base.float32(name));
    }
    const adapters = [...weights.entries.keys()].filter((name) => name.endsWith("lora_B.weight"));
    expect(adapters.length > 0).toBe(mode === "lora");
    for (const name of adapters) expect(weights.float32(name).some((x) => x !== 0)).toBe(true);
  }
}, 240_000);

const [width, height] = [389, 330];

/** The polygons of a file on its grid of pixels, as rings to fill. */
function filled(features: { geometry: { coordinates: [number, number][][] }; properties: { value: number } }[]) {
  const labels = new Int16Array(width * height).fill(-1);
  for (const { geometry, properties } of features) {
    for (let row = 0; row < height; row++) {
      const crossings: number[] = [];
      for (const ring of geometry.coordinates) {
        for (let i = 1; i < ring.length; i++) {
          const [[x1, y1], [x2, y2]] = [ring[i - 1]!, ring[i]!];
          if (y1 > row + 0.5 !== y2 > row + 0.5) crossings.push(x1 + ((row + 0.5 - y1) / (y2 - y1)) * (x2 - x1));
        }
      }
      crossings.sort((a, b) => a - b);
      for (let k = 0; k < crossings.length; k += 2) {
        labels.fill(properties.value, row * width + crossings[k]!, row * width + crossings[k + 1]!);
      }
    }
  }
  return labels;
}

test("predictSegmentation: a scene is mapped as its truth; killed midway it goes on to the same map; polygons fill it", async () => {
  const { rgb, mask } = scene(99, width, height);
  const planes = new Uint8Array(rgb.length);
  for (let p = 0; p < mask.length; p++) for (let b = 0; b < 3; b++) planes[b * mask.length + p] = rgb[3 * p + b]!;
  for (let p = 0; p < 5000; p++) for (let b = 0; b < 3; b++) planes[b * mask.length + p] = 0; // nodata
  const image = join(folder, "scene.tif");
  const grid = { crs: "EPSG:32632", transform: [2, 0, 600_000, 0, -2, 5_300_000], width, height } as const;
  await writeCog({
    path: image,
    grid,
    type: "uint8",
    rows: [planes],
    bands: ["red", "green", "blue"].map((colour) => ({ name: colour, colour, nodata: 0 })),
  });

  const predict = (out: string, options: object = {}) =>
    predictSegmentation({
      model: join(run, "model.safetensors"),
      image,
      out: join(folder, out),
      window: 128,
      overlap: 64,
      minPixels: 1,
      ...options,
    });
  const whole = (await predict("map"))!;
  const stop = new AbortController();
  const onProgress = ({ phase, done }: { phase: string; done: number }) =>
    phase === "segment" && done === 12 && stop.abort(new Error("killed"));
  await expect(predict("again", { signal: stop.signal, onProgress })).rejects.toThrow("killed");
  const again = (await predict("again"))!;
  expect(again.resumedRows).toBeGreaterThan(0);
  for (const name of ["classes", "confidence", "polygons"]) {
    expect(readFileSync(again.files[name]!)).toEqual(readFileSync(whole.files[name]!));
  }

  const raster = await openRaster(whole.files.classes!);
  expect(raster.grid).toEqual(grid);
  const labels = (await raster.read()).data;
  await raster.close();
  let wrong = 0;
  for (const [p, truth] of mask.entries()) {
    if (p < 5000) expect(labels[p]).toBe(255);
    else if (labels[p] !== truth) wrong++;
  }
  expect(wrong / mask.length).toBeLessThan(0.06);
  const hectares = whole.areas.reduce((sum, area) => sum + area.hectares!, 0);
  expect(hectares / (((mask.length - 5000) * 4) / 1e4)).toBeCloseTo(1, 2);

  // Without georeference polygons are in pixels, and can be filled.
  const plain = join(folder, "plain.png");
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(plain);
  const flat = (await predict("plain", { image: plain }))!;
  const map = await openRaster(flat.files.classes!);
  const found = filled(JSON.parse(readFileSync(flat.files.polygons!, "utf8")).features);
  expect([...found]).toEqual([...(await map.read()).data]);
  expect(flat.areas[0]!.hectares).toBeUndefined();
  await map.close();
}, 240_000);

test("predictSegmentation: a scene in windows shows no seams: columns change as in one window", async () => {
  const [side, lag] = [384, 4];
  const { rgb } = scene(7, side, side);
  const image = join(folder, "square.png");
  await sharp(rgb, { raw: { width: side, height: side, channels: 3 } })
    .png()
    .toFile(image);
  const map = async (out: string, windows: { window: number; overlap: number }) => {
    const model = join(run, "model.safetensors");
    const { files } = (await predictSegmentation({ model, image, out: join(folder, out), ...windows }))!;
    const [labels, confidence] = await Promise.all(
      [files.classes!, files.confidence!].map(async (file) => {
        const raster = await openRaster(file);
        const { data } = await raster.read();
        await raster.close();
        return data;
      }),
    );
    const data = Float32Array.from(confidence!, (sure, p) => (labels![p] === 1 ? sure : 100 - sure));
    return { data, labels: Array.from(labels!), shape: [1, side, side] as const };
  };
  const whole = await map("one-window", { window: side, overlap: 0 });
  const tiled = await map("windows", { window: 128, overlap: 64 });
  const hard = await map("hard-windows", { window: 128, overlap: 0 });
  const other = whole.labels.filter((label, p) => label !== tiled.labels[p]).length;
  expect(other / side ** 2).toBeLessThan(0.01);
  const steps = columnSteps(whole, lag);
  const [blended, cut] = [tiled, hard].map((one) => largestJump(columnSteps(one, lag), steps));
  expect(blended).toBeLessThan(0.06);
  // What windows without overlap look like.
  expect(cut).toBeGreaterThan(0.12);
}, 240_000);
