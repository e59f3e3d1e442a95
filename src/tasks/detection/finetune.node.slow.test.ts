import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
import { corners } from "../../model/detection/rotated/rotated-boxes.ts";
import { openBoxSet } from "./data/open-box-set.node.ts";
import { openDetector } from "./detector-session.node.ts";
import { judgeDetector } from "./evaluate.node.ts";
import { finetuneDetection } from "./finetune.node.ts";
import { predictDetection } from "./predict.node.ts";
import { writeDetectionReport } from "./write-report.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-detection-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** Grey noise with bright squares, and the squares as boxes. */
async function makeSet(count: number): Promise<string> {
  const path = join(folder, "squares");
  mkdirSync(join(path, "images"), { recursive: true });
  const random = createRandom(1);
  const items = [];
  for (let i = 0; i < count; i++) {
    const pixels = Buffer.from(Array.from({ length: 96 * 96 * 3 }, () => 60 + random.integer(60)));
    const boxes = Array.from({ length: 2 }, (_, k) => {
      const [x, y, side] = [random.integer(60), 48 * k + random.integer(16), 16 + random.integer(16)];
      for (let row = y; row < y + side; row++) pixels.fill(240, 3 * (row * 96 + x), 3 * (row * 96 + x + side));
      return [x, y, x + side, y + side, "square"];
    });
    await sharp(pixels, { raw: { width: 96, height: 96, channels: 3 } })
      .png()
      .toFile(join(path, `images/${i}.png`));
    items.push({ file: `images/${i}.png`, width: 96, height: 96, split: i < count - 4 ? "train" : "val", boxes });
  }
  writeFileSync(join(path, "index.json"), JSON.stringify({ classes: ["square"], items }));
  return path;
}

test("finetuneDetection: learns to find squares; an interrupted run ends with the same weights", async () => {
  const set = await openBoxSet(await makeSet(16), { oriented: false });
  const run = (name: string, more: object = {}) =>
    finetuneDetection({
      ...{ set, out: join(folder, name), model: "tiny", steps: 60, batchSize: 4, size: 64, lr: 3e-3 },
      ...{ channels: 16, width: 32, anchorScale: 4, regions: 32, proposals: 100, threads: 1, dropPath: 0, ...more },
    });
  const { config, weights, val, train, settings, seconds } = await run("whole");
  const lines = readFileSync(join(folder, "whole/metrics.jsonl"), "utf8").trim().split("\n");
  const losses = lines.map((line) => JSON.parse(line).loss as number);
  const mean = (part: number[]) => part.reduce((a, b) => a + b, 0) / part.length;
  expect(mean(losses.slice(-10))).toBeLessThan(0.75 * mean(losses.slice(0, 10)));

  const controller = new AbortController();
  const onProgress = ({ done }: { done: number }) => {
    if (done === 20) controller.abort(new Error("stop"));
  };
  await expect(run("halves", { signal: controller.signal, onProgress })).rejects.toThrow("stop");
  await run("halves");
  const bytes = (name: string) => readFileSync(join(folder, name, "model.safetensors"));
  expect(bytes("halves").equals(bytes("whole"))).toBe(true);

  const session = openDetector({ config, weights }, { threads: 1 });
  const judgement = await judgeDetector(session, val);
  await session.release();
  expect(judgement.images.length).toBe(4);
  expect(judgement.scores.classes[0]!.truths).toBe(8);
  const out = join(folder, "whole");
  await writeDetectionReport(judgement, {
    ...{ out, title: "Squares", command: "skysense", config, seconds },
    training: { images: train.length, settings },
  });
  expect(readFileSync(join(out, "report.html"), "utf8")).toContain("Mean average precision");

  const image = join(folder, "squares/images/15.png");
  const [found] = await predictDetection({
    ...{ model: join(out, "model.safetensors"), images: [image], out: join(folder, "found"), minScore: 0 },
  });
  const geojson = JSON.parse(readFileSync(found!.files[0]!, "utf8"));
  expect(geojson.features.length).toBe(Object.values(found!.counts).reduce((a, b) => a + b, 0));
  for (const { geometry, properties } of geojson.features) {
    const ring: number[][] = geometry.coordinates[0];
    expect(properties.class).toBe("square");
    const middle = [0, 1].map((axis) => (ring[0]![axis]! + ring[2]![axis]!) / 2);
    expect([properties.x, properties.y]).toEqual(middle.map((v) => expect.closeTo(v, 3)));
  }
}, 240_000);

/** Grey noise with bright bars at any angle, and the bars as texts of DOTA. */
async function makeOriented(count: number): Promise<string> {
  const path = join(folder, "bars");
  for (const name of ["images", "labelTxt"]) mkdirSync(join(path, name), { recursive: true });
  const random = createRandom(2);
  for (let i = 0; i < count; i++) {
    const pixels = Buffer.from(Array.from({ length: 96 * 96 * 3 }, () => 60 + random.integer(60)));
    const box = Float32Array.of(
      30 + random.integer(36),
      30 + random.integer(36),
      36,
      12,
      (random.uniform() - 0.5) * 3,
    );
    const [cx, cy, w, h, angle] = box as unknown as [number, number, number, number, number];
    for (let p = 0; p < 96 * 96; p++) {
      const [dx, dy] = [(p % 96) + 0.5 - cx, Math.floor(p / 96) + 0.5 - cy];
      const u = dx * Math.cos(angle) + dy * Math.sin(angle);
      const v = dy * Math.cos(angle) - dx * Math.sin(angle);
      if (Math.abs(u) <= w / 2 && Math.abs(v) <= h / 2) pixels.fill(240, 3 * p, 3 * p + 3);
    }
    await sharp(pixels, { raw: { width: 96, height: 96, channels: 3 } })
      .png()
      .toFile(join(path, `images/${i}.png`));
    writeFileSync(join(path, `labelTxt/${i}.txt`), `${corners(box).join(" ")} bar 0\n`);
  }
  return path;
}

test("finetuneDetection: oriented boxes are learnt, judged and written with their angle", async () => {
  const set = await openBoxSet(await makeOriented(16), { oriented: true });
  const out = join(folder, "oriented");
  const { config, weights, val } = await finetuneDetection({
    ...{ set, out, valShare: 0.25, model: "tiny", steps: 60, batchSize: 4, size: 64, lr: 3e-3, threads: 1 },
    ...{ channels: 16, width: 32, anchorScale: 4, regions: 32, proposals: 100, dropPath: 0 },
  });
  expect(config.oriented).toBe(true);
  const losses = readFileSync(join(out, "metrics.jsonl"), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).loss as number);
  const mean = (part: number[]) => part.reduce((a, b) => a + b, 0) / part.length;
  expect(mean(losses.slice(-10))).toBeLessThan(0.75 * mean(losses.slice(0, 10)));
  const session = openDetector({ config, weights }, { threads: 1 });
  const judgement = await judgeDetector(session, val);
  await session.release();
  expect(judgement.scores.classes[0]!.truths).toBe(4);
  await writeDetectionReport(judgement, { out, title: "Bars", command: "skysense", config, seconds: 1 });
  const [found] = await predictDetection({
    ...{ model: join(out, "model.safetensors"), images: [join(folder, "bars/images/3.png")], out, minScore: 0 },
  });
  const { features } = JSON.parse(readFileSync(found!.files[0]!, "utf8"));
  for (const { properties } of features) expect(properties.width).toBeGreaterThanOrEqual(properties.height);
}, 240_000);
