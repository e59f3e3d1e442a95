import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { writeTestTiff } from "../../../test/support/write-geotiff.ts";
import { createRandom } from "../../core/random.ts";
import { openModel } from "../../embed/load-model.node.ts";
import { openRaster } from "../../imagery/raster/open.node.ts";
import { openDatedSet } from "./data/open-dated-set.node.ts";
import { finetuneSeries } from "./finetune.node.ts";
import { judgeSeries } from "./judge.node.ts";
import { predictSeries } from "./predict.node.ts";
import { openSeriesModel, readSeriesModel } from "./series-session.node.ts";
import { trainAndJudge } from "./train-and-judge.node.ts";

vi.setConfig({ testTimeout: 600_000 });

const root = mkdtempSync(join(tmpdir(), "skysense-timeseries-"));
afterAll(() => rmSync(root, { recursive: true }));

const side = 16;
const dates = ["2020-03-01", "2020-06-01", "2020-09-01"];
const s2Bands = ["B02", "B03", "B04", "B08"];

/**
 * A place whose left or upper part is a crop that is green in June alone, and whose other part is green all year: one
 * date tells them apart, the others do not. Sentinel-1 is noise.
 */
function place(name: string, seed: number): void {
  const random = createRandom(seed);
  const folder = join(root, "set", name);
  mkdirSync(folder, { recursive: true });
  const [across, border] = [random.integer(2) === 0, 5 + random.integer(6)];
  const crop = (p: number) => (across ? p % side : Math.floor(p / side)) < border;
  const noise = () => random.integer(60);
  const s2 = dates.flatMap((_, t) =>
    s2Bands.flatMap((band) =>
      Array.from({ length: side ** 2 }, (_, p) => {
        const green = t !== 1 || crop(p);
        const value = { B02: 400, B03: 700, B04: green ? 400 : 1400, B08: green ? 3600 : 1900 }[band]!;
        return value + noise();
      }),
    ),
  );
  const s1 = Array.from({ length: 2 * side ** 2 }, (_, i) => -11 - (i >= side ** 2 ? 6 : 0) - random.uniform());
  const grid = { width: side, height: side, epsg: 32633 };
  writeTestTiff(join(folder, "s2.tif"), { data: Uint16Array.from(s2), bands: 12, ...grid });
  writeTestTiff(join(folder, "s1.tif"), { data: Float32Array.from(s1), bands: 2, ...grid });
  const labels = Uint8Array.from({ length: side ** 2 }, (_, p) => (crop(p) ? 1 : 0));
  writeTestTiff(join(folder, "label.tif"), { data: labels, bands: 1, ...grid });
}

const described = (name: string) => [
  {
    file: `${name}/s2.tif`,
    sensor: "s2",
    bands: s2Bands,
    dates,
    units: "reflectance*10000",
    offset: 0,
    check: false,
  },
  { file: `${name}/s1.tif`, sensor: "s1", bands: ["VV", "VH"], dates: ["2020-06-02"], units: "dB", check: false },
];

function writeSet(): string {
  const names = Array.from({ length: 8 }, (_, i) => `p${i}`);
  for (const [i, name] of names.entries()) place(name, i);
  const items = names.map((id, i) => ({
    ...{ id, files: described(id), mask: `${id}/label.tif`, split: i < 6 ? "train" : "val" },
  }));
  writeFileSync(join(root, "set", "index.json"), JSON.stringify({ classes: ["bare in June", "green"], items }));
  return join(root, "set");
}

const settings = { model: "tiny", batchSize: 2, channels: 8, threads: 2, lr: 5e-3, size: 8, command: "" } as const;

test("a model of dated places learns, is judged with all and with one date, maps a place, and goes on where it was stopped", async () => {
  const set = await openDatedSet(writeSet());
  const run = join(root, "run");
  const { result, summary, model } = await trainAndJudge({ ...settings, set, out: run, steps: 60 });
  expect([result.config.sensors, result.config.answer]).toEqual([["s2", "s1"], "map"]);
  expect((summary as { overallAccuracy: number }).overallAccuracy).toBeGreaterThan(0.8);
  expect(readFileSync(join(run, "report.html"), "utf8")).toContain("Worst places");
  expect(JSON.parse(readFileSync(join(run, "results.json"), "utf8")).sensors).toEqual(["s2", "s1"]);

  const session = openSeriesModel(readSeriesModel(model), { threads: 2 });
  const [wrong, withoutS2] = await Promise.all([
    judgeSeries(session, result.val),
    judgeSeries(session, result.val, { sensors: ["s1"], dates: 1 }),
  ]);
  const meanOf = ({ maps }: typeof wrong) => maps.reduce((sum, map) => sum + map.wrong / maps.length, 0);
  expect(meanOf(wrong)).toBeLessThan(meanOf(withoutS2)); // Sentinel-1 says nothing
  await session.release();

  const files = ["s2", "s1"].map((name) => join(root, "set", "p7", `${name}.tif`));
  const describe = { files: described("p7").map((one) => ({ ...one, file: join(root, "set", one.file) })) } as never;
  const predicted = (await predictSeries({ model, files, out: join(root, "map"), scene: { describe } }))!;
  expect(predicted.kind).toBe("map");
  if (predicted.kind !== "map") return;
  expect(predicted.sensors).toEqual([
    { sensor: "s2", dates: 3 },
    { sensor: "s1", dates: 1 },
  ]);
  expect(predicted.areas.reduce((sum, area) => sum + area.hectares!, 0)).toBeCloseTo((side ** 2 * 100) / 1e4, 2);
  const map = await openRaster(predicted.files.classes!);
  const truth = await openRaster(join(root, "set", "p7", "label.tif"));
  expect(map.grid.transform).toEqual(truth.grid.transform);
  const [said, known] = [(await map.read()).data, (await truth.read()).data];
  expect(said.filter((label, p) => label === known[p]).length / said.length).toBeGreaterThan(0.75);
  await Promise.all([map.close(), truth.close()]);
});

test("finetuneSeries: an interrupted run goes on bit for bit; frozen and lora leave encoders and fusion as they were", async () => {
  const set = await openDatedSet(join(root, "set"));
  const tune = (name: string, options: object) =>
    finetuneSeries({ ...settings, set, out: join(root, name), steps: 4, dates: 2, ...options });
  const whole = await tune("whole", {});
  const stop = new AbortController();
  const onProgress = ({ done }: { done: number }) => done === 2 && stop.abort(new Error("stopped"));
  await expect(tune("parts", { signal: stop.signal, onProgress })).rejects.toThrow("stopped");
  const parts = await tune("parts", {});
  expect(await parts.weights.sha256()).toBe(await whole.weights.sha256());

  const base = openModel("tiny", { seed: 0 }).weights;
  for (const mode of ["frozen", "lora"] as const) {
    const { weights, config } = await tune(mode, { mode, rank: 2, sensors: ["s2"], steps: 2 });
    expect(config.sensors).toEqual(["s2"]);
    for (const name of weights.entries.keys()) {
      if (!/^(backbone_|head_s|fusion|ctpe)/.test(name) || name.includes("lora")) continue;
      expect(weights.float32(name), name).toEqual(base.float32(name));
    }
    const adapters = [...weights.entries.keys()].filter((name) => name.endsWith("lora_B.weight"));
    expect(adapters.some((name) => name.startsWith("fusion."))).toBe(mode === "lora");
    for (const name of adapters) expect(weights.float32(name).some((x) => x !== 0)).toBe(true);
  }
});
