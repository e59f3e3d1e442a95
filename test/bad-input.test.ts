import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli, temporaryFolderOfFile } from "./support/cli.ts";
import { fractal, toBytes } from "./support/images.ts";
import { type TestTiff, writeTestTiff } from "./support/write-geotiff.ts";

/** Whatever comes in: exit code 2, one sentence on the standard error that names file and remedy, nothing half-written. */

const { folder, remove } = temporaryFolderOfFile();
afterAll(remove);
const at = (name: string) => `${folder}/${name}`;

const grid = { width: 32, height: 32, epsg: 32632, origin: [600_000, 5_300_000] as const };
const reflectance = (bands: number, fill?: number) =>
  Uint16Array.from(
    fractal({ bands, width: 32, height: 32 }, { mean: 1500, spread: 600 }),
    (v) => fill ?? Math.max(1, v),
  );

beforeAll(async () => {
  const s2 = (name: string, tiff: Partial<TestTiff> = {}) =>
    writeTestTiff(at(name), { ...grid, data: reflectance(10), bands: 10, ...tiff });
  s2("s2.tif");
  s2("s2_five.tif", { data: reflectance(5), bands: 5 });
  s2("s2_zone33.tif", { epsg: 32633 });
  s2("s2_elsewhere.tif", { origin: [700_000, 5_300_000] });
  s2("s2_nowhere.tif", { epsg: undefined });
  s2("s2_empty_scene.tif", { data: reflectance(10, 0), nodata: 0 });
  s2("s2_reflectance.tif", { data: Float32Array.from(reflectance(10), (v) => v / 10_000) });
  const good = readFileSync(at("s2.tif"));
  writeFileSync(at("s2_cut.tif"), good.subarray(0, 9_000));
  writeFileSync(at("s2_zero.tif"), "");
  writeFileSync(at("s2_noise.tif"), Buffer.from(reflectance(4).buffer));
  const large = Buffer.from(good);
  large.writeUInt32LE(2 ** 31, directoryOf(good) + 2 + 8); // ImageWidth
  writeFileSync(at("s2_large.tif"), large);
  writeFileSync(at("s2.json"), '{ "sensor": "s2", }');
  const pixels = toBytes(fractal({ bands: 1, height: 64, width: 64 }, { mean: 110, spread: 50 }));
  await sharp(pixels, { raw: { width: 64, height: 64, channels: 1 } })
    .toColourspace("srgb")
    .png()
    .toFile(at("image.png"));
  writeFileSync(at("cut.png"), readFileSync(at("image.png")).subarray(0, 2_000));
  mkdirSync(at("folder"));
});

function directoryOf(tiff: Buffer): number {
  return tiff.readUInt32LE(4);
}

const dated = [
  "--s2.bands",
  "model",
  "--s2.dates",
  "2021-06-01",
  "--s2.units",
  "reflectance*10000",
  "--s2.offset",
  "0",
];

/** Check what every refusal has in common. @returns its sentence */
async function refused(args: string[], { out, where }: { out: string; where: string | undefined }): Promise<string> {
  const { code, stdout, stderr } = await cli(...args);
  expect(stderr).toMatch(/^skysense: .+\n$/); // one line
  expect(stderr).not.toMatch(/ at .+:\d+:\d+|internal|undefined|\[object/);
  if (where !== undefined) expect(stderr).toContain(`(${where})`);
  expect(stderr).toMatch(/\. [A-Z].+\.\n$/); // a remedy follows, as a sentence
  expect(stdout).toBe("");
  expect(code).toBe(2);
  if (existsSync(out)) expect(readdirSync(out)).toEqual([]);
  return stderr;
}

describe.concurrent("skysense embed", () => {
  test.each<[what: string, files: string[], options: string[], where: string | undefined, sentence: RegExp]>([
    ["a wrong number of bands", ["s2_five.tif"], dated, "s2_five.tif", /5 bands/],
    ["files of two CRS", ["s2.tif", "s2_zone33.tif"], dated, "s2_zone33.tif", /EPSG:32633.*EPSG:32632.*--reproject/],
    ["files that do not touch", ["s2.tif", "s2_elsewhere.tif"], dated, "s2_elsewhere.tif", /does not touch/],
    ["one file without georeference", ["s2.tif", "s2_nowhere.tif"], dated, "s2_nowhere.tif", /no georeference/],
    ["a scene without data", ["s2_empty_scene.tif"], dated, "s2_empty_scene.tif", /nodata/],
    ["reflectance said to be × 10000", ["s2_reflectance.tif"], dated, "s2_reflectance.tif", /reflectance/],
    ["a file cut short", ["s2_cut.tif"], dated, "s2_cut.tif", /truncated|ends|outside|cut/],
    ["an empty file", ["s2_zero.tif"], dated, "s2_zero.tif", /empty/],
    ["a file of noise", ["s2_noise.tif"], dated, "s2_noise.tif", /image|raster|format/],
    [
      "a header that lies about its size",
      ["s2_large.tif"],
      dated,
      "s2_large.tif",
      /2147483648|size|large|gigabyte|GiB/,
    ],
    ["a PNG cut short", ["cut.png"], ["--sensor", "hr"], "cut.png", /./],
    ["a missing file", ["missing.tif"], [], "missing.tif", /does not exist|no such file/i],
    ["a folder", ["folder"], [], "folder", /folder/],
    ["a date that is none", ["s2.tif"], ["--s2.bands", "model", "--s2.dates", "2021-02-30"], undefined, /2021-02-30/],
    [
      "too many dates",
      ["s2.tif"],
      ["--s2.bands", "model", "--s2.dates", "2021-02-03,2021-02-04"],
      "s2.tif",
      /2 dates/,
    ],
    ["an unknown band", ["s2.tif"], ["--s2.bands", "B02,B99,B04,B05,B06,B07,B08,B8A,B11,B12"], undefined, /B99/],
    ["an unknown unit", ["s2.tif"], ["--s2.bands", "model", "--s2.units", "parsec"], undefined, /parsec/],
    ["a description that is no JSON", ["s2.tif"], ["--describe", "s2.json"], "s2.json", /JSON/],
    ["a description that is missing", ["s2.tif"], ["--describe", "none.json"], "none.json", /does not exist/],
    ["an unknown model", ["s2.tif"], [...dated, "--model", "gigantic"], undefined, /"gigantic".*nano/],
    [
      "a model file that is missing",
      ["s2.tif"],
      [...dated, "--model", "gone.safetensors"],
      "gone.safetensors",
      /exist/,
    ],
    ["weights that are no model", ["s2.tif"], [...dated, "--model", "s2_noise.tif"], "s2_noise.tif", /safetensors/],
    ["a window out of step", ["s2.tif"], [...dated, "--window", "5"], undefined, /window of 5 cells/],
    [
      "an overlap of more than half",
      ["s2.tif"],
      [...dated, "--window", "8", "--overlap", "6"],
      undefined,
      /overlap of 6/,
    ],
  ])("%s", async (what, files, options, where, sentence) => {
    const out = at(`out ${what.replaceAll(/\W/g, "-")}`);
    // Files of the folder, also behind flags.
    const inFolder = options.map((word) => (/\.(json|tif|safetensors)$/.test(word) ? at(word) : word));
    const args = ["embed", ...files.map(at), "--out", out, ...inFolder];
    if (!options.includes("--model")) args.push("--model", "tiny");
    const text = await refused(args, { out, where: where && at(where) });
    expect(text).toMatch(sentence);
    expect(existsSync(out)).toBe(false);
  });

  test.each([
    ["below a file", () => at("image.png/out"), /a part of this path is a file, not a folder.*image\.png/],
    ["a device", () => "/dev/full", /a part of this path is a file, not a folder/],
    ["a file", () => at("cut.png"), /a part of this path is a file, not a folder/],
  ])("an output folder that cannot be: %s", async (_, out, sentence) => {
    const { code, stderr } = await cli("embed", at("image.png"), "--sensor", "hr", "--model", "tiny", "--out", out());
    const last = stderr.trim().split("\n").at(-1);
    expect(last).toMatch(/^skysense: .+\. [A-Z].+\.$/);
    expect(last).toMatch(sentence);
    expect(code).toBe(2);
  });

  test.each([
    ["--window", "0"],
    ["--window", "many"],
    ["--overlap", "-1"],
    ["--max-dates", "1.5"],
    ["--location", "500,0"],
    ["--type", "int4"],
    ["--device", "abacus"],
    ["--nonsense", "1"],
  ])("options that are none: %s %s", async (flag, value) => {
    const out = at("out-options");
    const { code, stdout, stderr } = await cli("embed", at("image.png"), "--out", out, `${flag}=${value}`);
    expect(stderr).toMatch(/^skysense: .+\n$/);
    expect(stderr).toContain(flag);
    expect(stdout).toBe("");
    expect(code).toBe(2);
    expect(existsSync(out)).toBe(false);
  });
});
