import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { openRaster } from "../../imagery/raster/open.node.ts";
import { writeCog } from "../../imagery/raster/write-cog.node.ts";
import { mapTransitions } from "./map-transitions.node.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-transitions-"));
afterAll(() => rmSync(folder, { recursive: true }));

const classes = [
  { name: "soil", colour: "#994c00" },
  { name: "water", colour: "#0080ff" },
  { name: "forest", colour: "#00cc00" },
];
const grid = { crs: "EPSG:32632", transform: [10, 0, 600_000, 0, -10, 5_300_000], width: 4, height: 300 } as const;

async function map(name: string, of: (pixel: number) => number, own: typeof grid | object = grid): Promise<string> {
  const path = join(folder, name);
  const rows = [Uint8Array.from({ length: grid.width * grid.height }, (_, p) => of(p))];
  await writeCog({
    path,
    grid: { ...grid, ...own },
    type: "uint8",
    rows,
    bands: [{ name: "class", nodata: 255, classes }],
  });
  return path;
}

test("mapTransitions: what became what, on a map and in hectares; pixels without a class are in neither", async () => {
  const before = await map("a.tif", (p) => (p === 0 ? 255 : p % 4 === 3 ? 2 : 0));
  // The last column of the last row goes from forest to water, 40 pixels of soil to forest.
  const after = await map("b.tif", (p) => (p === 1199 ? 1 : p % 4 === 3 ? 2 : p % 4 === 1 && p < 160 ? 2 : 0));
  const path = join(folder, "changes", "a_b.tif");
  const { transitions, changed, files } = await mapTransitions([before, after], { path, classes });
  expect(transitions).toEqual([
    { from: "soil", to: "forest", pixels: 40, hectares: expect.closeTo(0.4, 2) },
    { from: "forest", to: "water", pixels: 1, hectares: expect.closeTo(0.01, 3) },
  ]);
  expect(changed).toBeCloseTo(41 / 1199, 12);
  const raster = await openRaster(path);
  expect([raster.grid, raster.bands.map(({ name }) => name)]).toEqual([grid, ["to", "from"]]);
  const { data } = await raster.read();
  await raster.close();
  expect([data[1], data[1200 + 1], data[1199], data[2399], data[0], data[2]]).toEqual([2, 0, 1, 2, 255, 255]);
  expect(readFileSync(files.style!, "utf8")).toContain('label="water"');
  expect(JSON.parse(readFileSync(files.table!, "utf8")).transitions.length).toBe(2);
}, 240_000);

test("mapTransitions: maps of other grids are refused", async () => {
  const before = await map("c.tif", () => 0);
  const after = await map("d.tif", () => 0, { transform: [10, 0, 600_010, 0, -10, 5_300_000] });
  const options = { path: join(folder, "no.tif"), classes };
  await expect(mapTransitions([before, after], options)).rejects.toThrow(
    `the map is not on the grid of ${before}, so that their pixels are not the same ground (${after})`,
  );
}, 240_000);
