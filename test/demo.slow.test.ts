import { execFile } from "node:child_process";
import { readdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import sharp from "sharp";
import { expect, test } from "vitest";

const root = fileURLToPath(new URL("..", import.meta.url));
const out = `${root}/out/blue-marble`;

test("npm run demo: in under two minutes, makes every output and the README's picture", async () => {
  rmSync(out, { recursive: true, force: true });
  const start = performance.now();
  await promisify(execFile)("npm", ["run", "--silent", "demo"], { cwd: root });
  expect((performance.now() - start) / 1000).toBeLessThan(120);
  expect(readdirSync(out).sort()).toEqual([
    "collection.json",
    "embeddings.parquet",
    "features.tif",
    "item.json",
    "model.json",
    "preview.png",
    "report.html",
  ]);
  const [made, shown] = await Promise.all(
    [`${out}/preview.png`, `${root}/docs/images/blue-marble.png`].map((file) => sharp(file).raw().toBuffer()),
  );
  expect(made!.length).toBe(shown!.length);
  const difference = made!.reduce((sum, value, i) => sum + Math.abs(value - shown![i]!), 0) / made!.length;
  // Devices round differently, so a few pixels may differ by a grey level or two.
  expect(difference, "else copy out/blue-marble/preview.png to docs/images/blue-marble.png").toBeLessThan(1);
});
