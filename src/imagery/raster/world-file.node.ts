import { readFile, stat } from "node:fs/promises";
import type { Affine } from "../../core/grid.ts";

/**
 * The transform of the world file beside an image: photo.jgw, photo.jpgw or photo.wld for photo.jpg, in any case.
 *
 * A world file names the centre of the upper-left pixel; a transform names its outer corner.
 * @returns undefined: there is none.
 */
export async function readWorldFile(path: string): Promise<Affine | undefined> {
  const dot = path.lastIndexOf(".");
  if (dot <= path.lastIndexOf("/")) return undefined;
  const [stem, ending] = [path.slice(0, dot), path.slice(dot + 1)];
  const short = ending.length >= 3 ? `${ending[0]}${ending.at(-1)}w` : `${ending}w`;
  for (const candidate of [short, `${ending}w`, "wld"]) {
    for (const cased of [candidate.toLowerCase(), candidate.toUpperCase()]) {
      const found = await parse(`${stem}.${cased}`);
      if (found) return found;
    }
  }
  return undefined;
}

async function parse(path: string): Promise<Affine | undefined> {
  const size = await stat(path).then(
    (info) => (info.isFile() ? info.size : 0),
    () => 0,
  );
  if (size === 0 || size > 4096) return undefined;
  const numbers = (await readFile(path, "utf8")).trim().split(/\s+/).map(Number);
  if (numbers.length < 6 || !numbers.slice(0, 6).every(Number.isFinite)) return undefined;
  const [a, d, b, e, x, y] = numbers as [number, number, number, number, number, number];
  if (a * e - b * d === 0) return undefined;
  return [a, b, x - (a + b) / 2, d, e, y - (d + e) / 2];
}
