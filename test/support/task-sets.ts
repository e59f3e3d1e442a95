import { mkdirSync, writeFileSync } from "node:fs";
import sharp from "sharp";
import { createRandom } from "../../src/core/random.ts";

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

/** A set of such pictures with masks and boxes, and what to say on the command line to learn a little of each task. */
export async function writeSquares(folder: string, { train = 6, val = 2 } = {}) {
  const masks = `${folder}/masks-set`;
  const boxes = `${folder}/boxes-set`;
  for (const split of ["train", "val"]) {
    for (const kind of ["images", "masks"]) mkdirSync(`${masks}/${kind}/${split}`, { recursive: true });
  }
  mkdirSync(boxes, { recursive: true });
  const items = [];
  for (let i = 0; i < train + val; i++) {
    const picture = squaresPicture(i);
    const split = i < train ? "train" : "val";
    const image = `${masks}/images/${split}/${i}.png`;
    await writePicture(image, picture);
    await writePicture(`${boxes}/${i}.png`, picture);
    await sharp(picture.mask, { raw: { width: side, height: side, channels: 1 } })
      .toColourspace("b-w")
      .png()
      .toFile(`${masks}/masks/${split}/${i}.png`);
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
  const small = ["--model", "tiny", "--size", "64", "--batch-size", "4", "--drop-path", "0.3"];
  return {
    segmentation: ["segmentation", "--data", masks, "--classes", classes, "--channels", "8", ...small],
    detection: ["detection", "--data", boxes, "--anchor-scale", "4", "--regions", "16", ...small],
    paths: { masks, boxes, classes },
  } as const;
}
