import { existsSync, readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { cli, main, temporaryFolderOfFile } from "./support/cli.ts";
import { fractal, toBytes } from "./support/images.ts";
import { mpiIsThere, startMpirun } from "./support/mpirun.ts";
import { readVectors } from "./support/outputs.ts";
import { writeTestTiff } from "./support/write-geotiff.ts";

/** `skysense embed` under `mpirun`: what one process writes, bit for bit. */

const { folder, remove } = temporaryFolderOfFile();
afterAll(remove);
const timeout = 240_000;

/** 8 × 24 cells of HR: 3 × 11 windows of 4 cells, in chunks of 16 windows: a row is a chunk. */
async function picture(): Promise<string[]> {
  const [width, height] = [256, 768];
  const pixels = toBytes(fractal({ bands: 1, height, width }, { mean: 110, spread: 50 }));
  const path = `${folder}/image.png`;
  await sharp(pixels, { raw: { width, height, channels: 1 } })
    .toColourspace("srgb")
    .png()
    .toFile(path);
  return [path, "--window", "4"];
}

/** 150 × 132 cells of Sentinel-2, 6 × 6 windows of 32 cells one at a time; a corner without data. */
async function sentinel(): Promise<string[]> {
  const [width, height] = [150, 132];
  const light = fractal({ bands: 10, width, height }, { mean: 1500, spread: 600 });
  const data = Uint16Array.from(light, (value, i) =>
    i % width < 40 && Math.floor(i / width) % height < 50 ? 0 : Math.max(1, value),
  );
  const grid = { width, height, epsg: 32632, origin: [600_000, 5_300_000] as const };
  const path = writeTestTiff(`${folder}/s2.tif`, { ...grid, data, bands: 10, nodata: 0 });
  const said = ["--s2.bands", "model", "--s2.dates", "2021-04-03", "--s2.units", "reflectance*10000"];
  return [path, ...said, "--s2.offset", "0"];
}

async function expectSame(out: string, reference: string): Promise<void> {
  expect(readdirSync(out)).toEqual(readdirSync(reference));
  for (const name of ["features.tif", "preview.png"]) {
    expect(readFileSync(`${out}/${name}`).equals(readFileSync(`${reference}/${name}`)), name).toBe(true);
  }
  const file = "embeddings.parquet";
  expect(await readVectors(`${out}/${file}`)).toEqual(await readVectors(`${reference}/${file}`));
}

describe.skipIf(!mpiIsThere)("skysense embed under mpirun", () => {
  const commands: Record<string, string[]> = {};
  beforeAll(async () => {
    for (const [name, files] of Object.entries({ picture: await picture(), sentinel: await sentinel() })) {
      commands[name] = ["embed", ...files, "--model", "tiny", "--type", "float32", "--out"];
      const { code, stderr } = await cli(...commands[name], `${folder}/${name}`);
      expect(code, stderr).toBe(0);
    }
  }, timeout);

  test.each([
    ["picture", 2],
    ["picture", 4],
    ["sentinel", 2],
    ["sentinel", 4],
  ])(
    "%s: %i ranks write what one process writes, bit for bit",
    async (name, ranks) => {
      const out = `${folder}/${name}-${ranks}`;
      const { code, stdout, stderr } = await startMpirun(ranks, [main, ...commands[name]!, out]).finished;
      expect(code, stderr).toBe(0);
      expect(stdout.match(/tile vectors/g)).toHaveLength(1); // rank 0 alone reports
      await expectSame(out, `${folder}/${name}`);
    },
    timeout,
  );

  test(
    "what killed ranks leave, one process takes up",
    async () => {
      const out = `${folder}/killed`;
      const journal = `${out}/.skysense-embed/journal.json`;
      const { child, finished } = startMpirun(2, [main, ...commands.picture!, out]);
      const rows = () => (existsSync(journal) ? JSON.parse(readFileSync(journal, "utf8")).windowRows : 0);
      while (child.exitCode === null && rows() < 2) await sleep(5);
      child.kill("SIGTERM");
      expect((await finished).code).not.toBe(0);
      const again = await cli(...commands.picture!, out);
      expect(again.stdout).toMatch(/^went on from row [1-9]\d* of an interrupted run$/m);
      await expectSame(out, `${folder}/picture`);
    },
    timeout,
  );

  test(
    "a file that cannot be read ends all ranks with one sentence",
    async () => {
      const args = ["embed", `${folder}/missing.tif`, "--model", "tiny", "--out", `${folder}/none`];
      const { code, stderr } = await startMpirun(2, [main, ...args]).finished;
      expect(code).toBe(2);
      expect(stderr).toMatch(/^skysense: .*missing\.tif/m);
      expect(existsSync(`${folder}/none`)).toBe(false);
    },
    timeout,
  );
});
