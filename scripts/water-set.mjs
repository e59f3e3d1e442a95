// Make a set for `skysense probe --dense`: tiles of NASA's Blue Marble with a mask of water, grouped by continent.
// `node scripts/water-set.mjs OUT [--tile 64] [--enlarge 4]`: tiles of 64 pixels of 5 minutes of arc each, four times
// as large, so that a cell of 32 pixels is 0.7 degrees. Tiles without land are left out: they are open sea.
// All three files are in the npm package three-globe: NASA's picture, a mask of water, Natural Earth's countries.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { tile: { type: "string", default: "64" }, enlarge: { type: "string", default: "4" } },
});
const [out] = positionals;
const [tile, enlarge] = [Number(values.tile), Number(values.enlarge)];
if (out === undefined || !(tile >= 8 && 2048 % tile === 0) || !(enlarge >= 1 && Number.isInteger(enlarge))) {
  console.error("node scripts/water-set.mjs OUT [--tile PIXELS, a divisor of 2048] [--enlarge TIMES]");
  process.exit(2);
}

const example = fileURLToPath(new URL("../node_modules/three-globe/example", import.meta.url));
const picture = join(example, "img/earth-blue-marble.jpg");
const { width, height } = await sharp(picture).metadata();
const earth = await sharp(picture).raw().toBuffer();
const water = await sharp(join(example, "img/earth-water.png"))
  .greyscale()
  .resize(width, height, { fit: "fill", kernel: "linear" })
  .raw()
  .toBuffer();
const continents = continentRaster(
  JSON.parse(readFileSync(join(example, "country-polygons/ne_110m_admin_0_countries.geojson"), "utf8")),
);

/** @type {{ file: string, mask: string, group: string, location: number[] }[]} */
const items = [];
for (const folder of ["images", "masks"]) mkdirSync(join(out, folder), { recursive: true });
for (let top = 0; top < height; top += tile) {
  for (let left = 0; left < width; left += tile) {
    const group = mostFrequent({ left, top });
    if (group === undefined) continue;
    const name = `${String(top).padStart(4, "0")}-${String(left).padStart(4, "0")}.png`;
    const window = { left, top, width: tile, height: tile };
    const size = tile * enlarge;
    await sharp(earth, { raw: { width, height, channels: 3 } })
      .extract(window)
      .resize(size, size, { kernel: "cubic" })
      .png()
      .toFile(join(out, "images", name));
    const mask = Uint8Array.from({ length: size * size }, (_, i) => {
      const [x, y] = [left + Math.floor((i % size) / enlarge), top + Math.floor(i / size / enlarge)];
      return Number(water[y * width + x]) >= 128 ? 1 : 0;
    });
    await sharp(mask, { raw: { width: size, height: size, channels: 1 } })
      .png()
      .toFile(join(out, "masks", name));
    const location = [((left + tile / 2) / width) * 360 - 180, 90 - ((top + tile / 2) / height) * 180];
    items.push({ file: `images/${name}`, mask: `masks/${name}`, group, location });
  }
}
const index = { name: "Blue Marble, water", classes: { 0: "land", 1: "water" }, items };
writeFileSync(join(out, "index.json"), `${JSON.stringify(index, undefined, 1)}\n`);
const groups = [...new Set(items.map(({ group }) => group))].sort();
const counts = groups.map((name) => `${name} ${items.filter(({ group }) => group === name).length}`);
console.log(`${items.length} tiles: ${counts.join(", ")}`);

/**
 * The continent of most of a tile's land; undefined: no land.
 * @param {{ left: number, top: number }} corner
 */
function mostFrequent({ left, top }) {
  const found = new Map();
  for (let y = top; y < top + tile; y += 4) {
    for (let x = left; x < left + tile; x += 4) {
      const name = continents.at(x, y);
      if (name !== undefined) found.set(name, (found.get(name) ?? 0) + 1);
    }
  }
  return [...found].sort((a, b) => b[1] - a[1])[0]?.[0];
}

/**
 * Continents by pixel, looked up by polygons of countries: a point is inside if a ray crosses an odd number of edges.
 *
 * @typedef {[number, number][][]} Rings
 * @param {{ features: { properties: { CONTINENT: string }, geometry: { type: string, coordinates: unknown } }[] }} countries
 */
function continentRaster({ features }) {
  const shapes = features.flatMap(({ properties, geometry }) => {
    const name = properties.CONTINENT;
    // The ice of Antarctica fills a quarter of the tiles of this projection.
    if (name === "Antarctica" || name.startsWith("Seven seas")) return [];
    const polygons = /** @type {Rings[]} */ (
      geometry.type === "Polygon" ? [geometry.coordinates] : geometry.coordinates
    );
    return polygons.map((rings) => {
      const outer = rings[0] ?? [];
      const [xs, ys] = [outer.map(([x]) => x), outer.map(([, y]) => y)];
      const [west, south, east, north] = [Math.min(...xs), Math.min(...ys), Math.max(...xs), Math.max(...ys)];
      return { name, rings, west, south, east, north };
    });
  });
  const inside = (/** @type {Rings} */ rings, /** @type {number} */ lon, /** @type {number} */ lat) => {
    let odd = false;
    for (const ring of rings) {
      let before = ring.at(-1);
      for (const point of ring) {
        const [[xi, yi], [xj, yj]] = [point, before ?? point];
        if (yi > lat !== yj > lat && lon < ((xj - xi) * (lat - yi)) / (yj - yi) + xi) odd = !odd;
        before = point;
      }
    }
    return odd;
  };
  return {
    at(/** @type {number} */ x, /** @type {number} */ y) {
      const [lon, lat] = [((x + 0.5) / width) * 360 - 180, 90 - ((y + 0.5) / height) * 180];
      return shapes.find(
        ({ west, south, east, north, rings }) =>
          lon >= west && lat >= south && lon <= east && lat <= north && inside(rings, lon, lat),
      )?.name;
    },
  };
}
