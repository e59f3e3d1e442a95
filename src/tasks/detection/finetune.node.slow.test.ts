import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, expect, test } from "vitest";
import { createRandom } from "../../core/random.ts";
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
