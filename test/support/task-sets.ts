import { mkdirSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { createRandom } from "../../src/core/random.ts";
import { writeTestTiff } from "./write-geotiff.ts";

const side = 96;

/** Bright squares on dark noise, interleaved RGB, and where they are. */
export function squaresPicture(seed: number, [width, height]: readonly [number, number] = [side, side]) {
  const random = createRandom(seed, "squares");
  const rgb = Uint8Array.from({ length: 3 * width * height }, () => 50 + random.integer(60));
  const mask = new Uint8Array(width * height);
  const boxes: [number, number, number, number][] = [];
  for (let k = 0; k < Math.ceil((width * height) / 4600); k++) {
    const size = 12 + random.integer(16);
    const [x, y] = [random.integer(width - size), random.integer(height - size)];
    boxes.push([x, y, x + size, y + size]);
    for (let row = y; row < y + size; row++) {
      rgb.fill(220 + (k % 3) * 10, 3 * (row * width + x), 3 * (row * width + x + size));
      mask.fill(1, row * width + x, row * width + x + size);
    }
  }
  return { rgb, mask, boxes, width, height };
}

export async function writePicture(path: string, { rgb, width, height }: ReturnType<typeof squaresPicture>) {
  await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png()
    .toFile(path);
}

async function writeMask(path: string, mask: Uint8Array) {
  await sharp(mask, { raw: { width: side, height: side, channels: 1 } })
    .toColourspace("b-w")
    .png()
    .toFile(path);
}

/** Pairs of pictures in LEVIR-CD's folders; what changed are the squares of one that the other has not. */
async function writePairs(folder: string, splits: readonly string[]) {
  for (const [i, split] of splits.entries()) {
    const [before, after] = [squaresPicture(i), squaresPicture(100 + i)];
    for (const kind of ["A", "B", "label"]) mkdirSync(`${folder}/${split}/${kind}`, { recursive: true });
    await writePicture(`${folder}/${split}/A/${i}.png`, before);
    await writePicture(`${folder}/${split}/B/${i}.png`, after);
    const changed = before.mask.map((value, p) => 255 * (value ^ after.mask[p]!));
    await writeMask(`${folder}/${split}/label/${i}.png`, changed);
  }
}

/** Places of two Sentinel-2 dates; one class is green on both, the other on the first alone. */
function writePlaces(folder: string, splits: readonly string[]) {
  const [bands, cells] = [["B02", "B03", "B04", "B08"], 16];
  const items = splits.map((split, i) => {
    const random = createRandom(i, "places");
    const border = 4 + random.integer(8);
    const classes = Uint8Array.from({ length: cells ** 2 }, (_, p) => Number(p % cells < border));
    const values = [0, 1].flatMap((date) =>
      bands.flatMap((_, band) =>
        [...classes].map((of) => (date === 0 || of === 0 ? [400, 700, 400, 3600] : [400, 700, 1400, 1900])[band]!),
      ),
    );
    const data = Uint16Array.from(values, (value) => value + random.integer(60));
    mkdirSync(`${folder}/${i}`, { recursive: true });
    const grid = { width: cells, height: cells, epsg: 32633 };
    writeTestTiff(`${folder}/${i}/s2.tif`, { data, bands: 8, ...grid });
    writeTestTiff(`${folder}/${i}/classes.tif`, { data: classes, bands: 1, ...grid });
    const said = { bands, dates: ["2020-06-01", "2020-08-01"], units: "reflectance*10000", offset: 0, check: false };
    const files = [{ file: `${i}/s2.tif`, sensor: "s2", ...said }];
    return { id: `${i}`, split, mask: `${i}/classes.tif`, files };
  });
  writeFileSync(`${folder}/index.json`, JSON.stringify({ classes: ["meadow", "wheat"], items }));
}

/** Sets with masks, boxes, pairs and dates, and what to say on the command line to learn a little of each task. */
export async function writeSquares(folder: string, { train = 6, val = 2 } = {}) {
  const masks = `${folder}/masks-set`;
  const boxes = `${folder}/boxes-set`;
  for (const split of ["train", "val"]) {
    for (const kind of ["images", "masks"]) mkdirSync(`${masks}/${kind}/${split}`, { recursive: true });
  }
  mkdirSync(boxes, { recursive: true });
  const splits = Array.from({ length: train + val }, (_, i) => (i < train ? "train" : "val"));
  const [pairs, places] = [`${folder}/pairs-set`, `${folder}/places-set`];
  await writePairs(pairs, splits);
  writePlaces(places, splits);
  const items = [];
  for (const [i, split] of splits.entries()) {
    const picture = squaresPicture(i);
    const image = `${masks}/images/${split}/${i}.png`;
    await writePicture(image, picture);
    await writePicture(`${boxes}/${i}.png`, picture);
    await writeMask(`${masks}/masks/${split}/${i}.png`, picture.mask);
    const rows = picture.boxes.map((box) => [...box, "square"]);
    items.push({ file: `${i}.png`, width: side, height: side, split, boxes: rows });
  }
  writeFileSync(`${boxes}/index.json`, JSON.stringify({ classes: ["square"], items }));
  const classes = `${folder}/classes.json`;
  const colours = [
    { name: "ground", value: 0 },
    { name: "square", value: 1, colour: "#ff0000" },
  ];
  writeFileSync(classes, JSON.stringify({ classes: colours }));
  const tiny = ["--model", "tiny", "--batch-size", "4", "--drop-path", "0.3"];
  const small = [...tiny, "--size", "64"];
  return {
    segmentation: ["segmentation", "--data", masks, "--classes", classes, "--channels", "8", ...small],
    detection: ["detection", "--data", boxes, "--anchor-scale", "4", "--regions", "16", ...small],
    change: ["change", "--data", pairs, "--channels", "8", ...small],
    timeseries: ["timeseries", "--data", places, "--channels", "8", "--size", "8", ...tiny],
    paths: { masks, boxes, pairs, places, classes },
  } as const;
}
