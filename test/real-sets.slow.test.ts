import { cpSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { cli, temporaryFolder } from "./support/cli.ts";
import { query, readFeatures } from "./support/outputs.ts";

/** Real images of one place with several sensors, through the command line as a user would give them. */

const data = process.env.SKYSENSE_DATA ?? "";
if (data === "") console.log("SKYSENSE_DATA is not set: embedding of real sets is not tested");

const examples = new URL("../examples/sidecars/", import.meta.url).pathname;

interface RealSet {
  name: string;
  /** Below the data folder. */
  folder: string;
  /** All of them, in the order of the command; default: every GeoTIFF. */
  files?: string[];
  /** Options that say something else than the files, or too little: refused. */
  refused: { options: string[]; why: RegExp; remedy: string }[];
  /** What the files do not say, and how many dates are wanted. A name ending in .json is an example sidecar. */
  options: string[];
  /** Side of a window of `embed`, in cells. */
  window?: number;
  /** What inspect prints, and the report shows. */
  inspected: RegExp[];
  reported: string[];
  sensors: Record<string, { dates: number; known?: number; first?: string }>;
  /** Longitude and latitude of the middle; absent: pixel coordinates. */
  centre?: [longitude: number, latitude: number];
  /** Of the map of features, [width, height] in cells, and tile vectors of it. */
  cells: [number, number];
  tiles: number;
}

const sets: RealSet[] = [
  {
    name: "aerial image with a year of Sentinel-2 and of Sentinel-1 in two orbits",
    folder: "treesatai-ts-sample",
    files: ["aerial_20cm.tif", "s2_10m.tif", "s1_asc_f32.tif", "s1_des_f32.tif"],
    refused: [{ options: [], why: /not said which bands these are \(1460 bands/, remedy: "--s2.bands" }],
    options: ["--describe", "treesatai.json", "--max-dates", "6"],
    inspected: [/units: power in the files, dB to the model/, /stack: 6 × 10 × 6 × 6 /, /HR .* 0\.2 m/],
    reported: ["HR (date unknown), S2 (6 dates) and S1 (6 dates)", "s1_des_f32.tif", "52.0852° N"],
    sensors: { hr: { dates: 1, known: 0 }, s2: { dates: 6, first: "2020-01-02" }, s1: { dates: 6 } },
    centre: [9.958, 52.085],
    cells: [6, 6],
    tiles: 1,
  },
  {
    name: "fields in Belgium, 10 and 20 m bands and Sentinel-1 in dB × 100",
    folder: "worldcereal-places/belgium_a",
    files: ["s2_10m.tif", "s2_20m.tif", "s1_20m_db100.tif"],
    refused: [{ options: [], why: /looks like dB times a factor/, remedy: '--s1.units "dB*100"' }],
    options: ["--describe", "worldcereal.json", "--max-dates", "8"],
    inspected: [/s2: 8 of 118 dates, evenly chosen/, /s1: 8 of 159 dates/, /stack: 8 × 10 × 64 × 64/],
    reported: ["S2 (8 dates) and S1 (8 dates)", "EPSG:32631", "dB*100", "s2_20m.tif"],
    sensors: { s2: { dates: 8, first: "2017-08-04" }, s1: { dates: 8, first: "2017-08-01" } },
    centre: [3.024, 50.816],
    cells: [64, 64],
    tiles: 4,
  },
  {
    name: "coast of Brazil, Sentinel-2 L2A and terrain-corrected Sentinel-1",
    folder: "terramesh-5places/282D_485L_3_3",
    files: ["s2_l2a.tif", "s1_rtc_db100.tif"],
    refused: [{ options: [], why: /looks like dB times a factor/, remedy: '--s1.units "dB*100"' }],
    options: ["--s1.units", "dB*100", "--s1.dates", "unknown"],
    window: 64,
    inspected: [/date unknown ← unknown, option s1/, /s2 bands B01, B09 left out/],
    reported: ["S2 (date unknown) and S1 (date unknown)", "EPSG:32722"],
    sensors: { s2: { dates: 1, known: 0 }, s1: { dates: 1, known: 0 } },
    centre: [-48.106, -25.316],
    cells: [224, 224],
    tiles: 16,
  },
  {
    name: "flood in India, in degrees",
    folder: "sen1floods11/India_900498",
    files: ["s1_db100.tif", "s2_l1c.tif"],
    refused: [{ options: [], why: /looks like dB times a factor/, remedy: '--s1.units "dB*100"' }],
    options: ["--s1.units", "dB*100"],
    window: 64,
    inspected: [/grid: EPSG:4326/, /units dB\*100 ← as given \(option s1\)/],
    reported: ["S2 (date unknown) and S1 (date unknown)", "26.7382° N, 93.7482° E"],
    sensors: { s2: { dates: 1, known: 0 }, s1: { dates: 1, known: 0 } },
    centre: [93.748, 26.738],
    cells: [224, 224],
    tiles: 16,
  },
  {
    name: "ten years of aerial images on slightly different grids",
    folder: "naip-series",
    refused: [{ options: ["--hr.bands", "nirrgb"], why: /stand in another order/, remedy: "--hr.bands rgbnir" }],
    options: [],
    inspected: [/dates: 10, from 2009-08-18 to 2020-08-31/, /resampled: shifted by parts of a pixel .*9 files/],
    reported: ["HR (10 dates)", "EPSG:26914", "<summary>10 files</summary>"],
    sensors: { hr: { dates: 10, first: "2009-08-18" } },
    centre: [-99.162, 47.023],
    cells: [7, 7],
    tiles: 1,
  },
  {
    name: "five scenes of Slovenia of which nobody knows the date",
    folder: "eolearn-slovenia",
    files: ["reference_scenes_s2_l1c.tif"],
    refused: [
      { options: [], why: /not said which bands these are \(65 bands/, remedy: "--s2.bands l1c" },
      {
        options: ["--s2.bands", "l1c"],
        why: /has 5 dates, but does not say which/,
        remedy: '"unknown" if nobody knows them',
      },
    ],
    options: ["--describe", "eolearn.json"],
    inspected: [/dates: 5, unknown/, /stack: 5 × 10 × 101 × 100/],
    reported: ["S2 (5 dates, unknown)", "composite of 5 dates", "EPSG:32633"],
    sensors: { s2: { dates: 5, known: 0 } },
    centre: [14.558, 45.87],
    cells: [100, 101],
    tiles: 16,
  },
  {
    name: "a patch of EuroSAT, with B8A last",
    folder: "eurosat-ms/Forest",
    files: ["Forest_1031.tif"],
    refused: [
      { options: [], why: /looks? like the order "eurosat"/, remedy: "--s2.bands eurosat" },
      { options: ["--s2.bands", "l1c"], why: /stand in another order/, remedy: "--s2.bands eurosat" },
    ],
    options: ["--s2.bands", "eurosat"],
    inspected: [/bands B01, .*, B12, B8A ← option s2/],
    reported: ["S2 (date unknown)", "EPSG:32632"],
    sensors: { s2: { dates: 1, known: 0 } },
    centre: [9.231, 49.015],
    cells: [64, 64],
    tiles: 4,
  },
  {
    name: "an aerial picture without place and date",
    folder: "aid/Airport",
    files: ["airport_159.jpg"],
    refused: [{ options: ["--sensor", "s2"], why: /3 bands without names/, remedy: "--s2.bands" }],
    options: [],
    inspected: [/pixel coordinates, no georeference/, /dates: unknown/],
    reported: ["HR (date unknown)", "positions in the outputs are pixels"],
    sensors: { hr: { dates: 1, known: 0 } },
    cells: [5, 5],
    tiles: 1,
  },
];

describe.skipIf(data === "")("skysense inspect and embed", () => {
  test.each(sets)("$folder: $name", async (set) => {
    const { inputs, options } = copyOf(set, temporaryFolder());
    for (const { options: wrong, why, remedy } of set.refused) {
      const { code, stdout, stderr } = await cli("inspect", ...inputs, ...wrong);
      expect([code, stdout], stderr).toEqual([2, ""]);
      expect(stderr).toMatch(why);
      expect(stderr).toContain(remedy);
    }

    const inspected = await cli("inspect", ...inputs, ...options, "--model", "tiny");
    expect(inspected.code, inspected.stderr).toBe(0);
    for (const text of set.inspected) expect(inspected.stdout.replace(/\n +/g, " ")).toMatch(text);

    const out = join(temporaryFolder(), "out");
    const window = set.window === undefined ? [] : ["--window", String(set.window)];
    const how = [...options, ...window, "--model", "tiny", "--device", "cpu", "--out", out];
    const run = await cli("embed", ...inputs, ...how);
    expect(run.code, run.stderr).toBe(0);
    checkItem(join(out, "item.json"), set);
    const report = readFileSync(join(out, "report.html"), "utf8");
    for (const text of set.reported) expect(report).toContain(text);
    await checkFeatures(out, set);
  });
});

/** A folder as a user would have it: images, and beside them what is said of them. */
function copyOf({ folder, files, options }: RealSet, to: string) {
  const names = files ?? readdirSync(join(data, folder)).filter((name) => name.endsWith(".tif"));
  for (const name of names) cpSync(join(data, folder, name), join(to, name));
  const copied = options.map((option) => {
    if (!option.endsWith(".json")) return option;
    cpSync(join(examples, option), join(to, option));
    return join(to, option);
  });
  return { inputs: names.map((name) => join(to, name)), options: copied };
}

function checkItem(path: string, { sensors, centre }: RealSet): void {
  type Source = { sensor: string; dates: (string | null)[]; decisions: string[] };
  const item = JSON.parse(readFileSync(path, "utf8"));
  const sources: Source[] = item.properties["skysense:sources"];
  expect(sources.map(({ sensor }) => sensor)).toEqual(Object.keys(sensors));
  for (const { sensor, dates, decisions } of sources) {
    const { dates: count, known = count, first } = sensors[sensor]!;
    expect(dates, sensor).toHaveLength(count);
    expect(dates.filter((date) => date !== null)).toHaveLength(known);
    if (first !== undefined) expect(dates[0]).toContain(first);
    expect(decisions.length).toBeGreaterThan(3);
  }
  if (centre === undefined) {
    expect(item.geometry).toBeNull();
    return;
  }
  const [west, south, east, north] = item.bbox;
  expect((west + east) / 2).toBeCloseTo(centre[0], 2);
  expect((south + north) / 2).toBeCloseTo(centre[1], 2);
}

async function checkFeatures(out: string, { cells: [width, height], tiles }: RealSet): Promise<void> {
  const { data: features, shape } = await readFeatures(join(out, "features.tif"));
  expect(shape).toEqual([32, height, width]);
  const known = features.filter((value) => !Number.isNaN(value));
  expect(known.length).toBeGreaterThan(0.9 * features.length);
  // Features tell cells apart: a place is not all the same.
  expect(new Set(known.subarray(0, width * height)).size).toBeGreaterThan(3);
  const rows = await query(`select len(vector), tile from '${join(out, "embeddings.parquet")}'`);
  expect(rows.map(([length]) => Number(length))).toEqual(new Array(tiles).fill(32));
  expect(statSync(join(out, "preview.png")).size).toBeGreaterThan(1000);
}
