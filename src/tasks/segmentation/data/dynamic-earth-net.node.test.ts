import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { writeFiles } from "../../../../test/support/dated-sets.ts";
import { writeTestTiff } from "../../../../test/support/write-geotiff.ts";
import { presets } from "../../../model/presets.ts";
import { readLabelled } from "../../../train/data/read-sample.node.ts";
import { checkData } from "../../check/check-data.node.ts";
import { judgeSegmenter } from "../evaluate.node.ts";
import { sampleOf } from "../finetune.node.ts";
import type { SegmenterSession } from "../segmenter-session.node.ts";
import { writeSegmentationReport } from "../write-report.node.ts";
import { divideMasks } from "./mask-set.ts";
import { openMaskSet } from "./open-mask-set.node.ts";

vi.setConfig({ testTimeout: 120_000 });

const root = mkdtempSync(join(tmpdir(), "skysense-den-"));
afterAll(() => rmSync(root, { recursive: true }));

const [first, second, third] = ["1311_3077_13", "2006_3280_13", "5111_4560_13"];
const months = ["2018-12", "2019-01", "2019-02"];

const side = 8;
const tile = "11N-117W-33N-L3H-SR";

/** As the archives unpack: images of every day (here two), labels with a band for each of seven classes. */
function write(area: string, { month, classOf, zone = "_11N" }: Month): void {
  const pixels = side ** 2;
  const at = (file: string) => {
    mkdirSync(dirname(join(root, file)), { recursive: true });
    return join(root, file);
  };
  const grid = { width: side, height: side, epsg: 32611, pixel: 3 };
  // Of each area and month another near infrared.
  const nir = 2000 + 100 * months.indexOf(month) + [first, second, third].indexOf(area);
  const brightness = [300, 600, 900, nir];
  const data = Uint16Array.from({ length: 4 * pixels }, (_, i) => brightness[Math.floor(i / pixels)]!);
  for (const day of ["01", "02"]) {
    writeTestTiff(at(`planet/11N/${tile}/${area}/PF-SR/${month}-${day}.tif`), { ...grid, data, bands: 4 });
  }
  const label = Uint8Array.from({ length: 7 * pixels }, (_, i) =>
    classOf(i % pixels) === Math.floor(i / pixels) ? 255 : 0,
  );
  const file = `labels/${area}${zone}/Labels/Raster/${tile}/${tile}-${month}-01.tif`;
  writeTestTiff(at(file), { ...grid, data: label, bands: 7 });
}

interface Month {
  month: string;
  classOf: (pixel: number) => number;
  zone?: string;
}

// The first pixel of the first area goes from soil to water, in the second month; the last one is snow.
const changing = (m: number) => (p: number) => (p === 0 && m > 0 ? 5 : p === side ** 2 - 1 ? 6 : 4);
for (const [m, month] of months.entries()) {
  write(first, { month, classOf: changing(m) });
  write(second, { month, classOf: () => 2 });
}
write(third, { month: "2018-12", classOf: (p) => (p === 3 ? 99 : 0), zone: "-38S" });
const line = (area: string, month: string) =>
  `/planet/11N/${tile}/${area}/PF-SR /labels/${area}_11N/Labels/Raster/${tile}/${tile}-${month}-01.tif ${month}\n`;
writeFiles(root, {
  "dynnet_training_splits/train.txt": line(second, "2018-12") + line("7026_3201_13", "2018-12"),
  "dynnet_training_splits/val.txt": months.map((month) => line(first, month)).join(""),
  [`labels/${first}_11N/Labels/Raster/${tile}/${tile}-2018-12-01.tif.aux.xml`]: "<PAMDataset/>",
});

test("openMaskSet: DynamicEarthNet has the first image of each month with its label, areas in the splits of the lists", async () => {
  const set = await openMaskSet(root);
  expect(set.items.map(({ id, split, series }) => [id, split, series!.step % 12])).toEqual([
    ["1311_3077_13/2018-12", "val", 0],
    ["1311_3077_13/2019-01", "val", 1],
    ["1311_3077_13/2019-02", "val", 2],
    ["2006_3280_13/2018-12", "train", 0],
    ["2006_3280_13/2019-01", "train", 1],
    ["2006_3280_13/2019-02", "train", 2],
    ["5111_4560_13/2018-12", undefined, 0],
  ]);
  expect(divideMasks(set, { seed: 0 }).val.length).toBe(3);
  const { source, labelMap } = sampleOf(set.items[1]!, { set });
  const { place, labels } = await readLabelled(source, labelMap!);
  // Red comes first, and 0.09 of 0.3 is 76.5 of 255.
  expect([place.hr!.bands.slice(0, 3), place.hr!.shape[0]]).toEqual([["R", "G", "B"], 1]);
  expect(place.hr!.data[0]).toBeCloseTo(76.5, 3);
  expect([labels.data[0], labels.data[1], labels.data[63]]).toEqual([5, 4, 255]);
  const third = sampleOf(set.items[6]!, { set });
  expect([...(await readLabelled(third.source, third.labelMap!)).labels.data.slice(2, 5)]).toEqual([0, 255, 0]);
});

test("checkData: DynamicEarthNet, and a label without its image", async () => {
  const gone = `planet/11N/${tile}/${third}/PF-SR/2018-12-01.tif`;
  rmSync(join(root, gone));
  const findings = await checkData(root, { seed: 0 });
  expect(findings.map(({ task }) => task)).toEqual(["segmentation"]);
  const { splits, classes, problems, notes, unlabelled } = findings[0]!;
  expect(splits).toEqual({ train: 3, val: 3 });
  expect(Object.fromEntries(classes.map(({ name, counts }) => [name, counts.val]))).toMatchObject({
    soil: 187,
    water: 2,
  });
  expect(unlabelled.val).toBe(3);
  expect(problems).toEqual([
    expect.stringMatching(/^there is no image PF-SR\/2018-12-01\.tif of this area \(.*5111_4560_13-38S.*\)/),
  ]);
  expect(notes[0]).toBe("7026_3201_13: in the list of a split, but not here");
});

test("judgeSegmenter: change from month to month is scored over areas, as SCS", async () => {
  const set = await openMaskSet(root, { onFault: () => {} });
  const config = { model: presets.tiny, sensor: "hr", bands: [0, 1, 2], size: 64, classes: set.classes };
  // Soil everywhere in the first month; then water in the first of four cells; then soil again.
  let calls = 0;
  const session = {
    config,
    scores: async (places: readonly unknown[]) =>
      places.map(() => {
        const water = calls++ % 3 === 1;
        return Float32Array.from({ length: 6 * 4 }, (_, i) => (i % 6 === (water && i < 6 ? 5 : 4) ? 20 : 0));
      }),
  } as unknown as SegmenterSession;
  const judgement = await judgeSegmenter(
    session,
    set.items.filter(({ split }) => split === "val"),
    { set },
  );
  expect(judgement.images.map(({ id }) => id)).toEqual([first]);
  const { place, counts } = judgement.series[0]!;
  expect([place, judgement.series.length]).toEqual([first, 1]);
  // One pixel changed, and was found among those that are nearer to the first cell; in the next month all went back.
  const { found, missed, falseAlarms } = counts.binary;
  expect([found, missed]).toEqual([1, 0]);
  expect(falseAlarms).toBeGreaterThan(15);
  const out = join(root, "out");
  const options = { out, title: "t", command: "c", config, seconds: 1, seed: 0 };
  const summary = await writeSegmentationReport(judgement, options as never);
  expect(summary.change).toMatchObject({ sc: 1, bc: 1 / (1 + falseAlarms), places: 1 });
  expect(summary.change!.scs).toBeCloseTo((1 + summary.change!.bc!) / 2, 12);
});

test("followed maps: no change is counted across a month that is missing, nor from area to area", async () => {
  const set = await openMaskSet(root, { onFault: () => {} });
  const session = {
    config: { model: presets.tiny, sensor: "hr", bands: [0, 1, 2], size: 64, classes: set.classes },
    scores: async (places: readonly unknown[]) => places.map(() => new Float32Array(6 * 4)),
  } as unknown as SegmenterSession;
  const [december, , february, ...others] = set.items;
  const { series } = await judgeSegmenter(session, [december!, february!, others[0]!], { set });
  expect(series).toEqual([]);
});
