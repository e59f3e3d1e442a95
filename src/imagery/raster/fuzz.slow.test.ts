import { expect, test } from "vitest";
import { fuzzRasters } from "../../../test/support/fuzz-raster.ts";

test("openRaster: 2,000 truncated and bit-flipped files are read rightly or refused, in bounded memory", async () => {
  const before = process.memoryUsage().rss;
  const { equal, refused, other } = await fuzzRasters(2000, 2);
  expect(equal + refused + other).toBe(2000);
  expect(refused).toBeGreaterThan(1000);
  expect(process.memoryUsage().rss - before).toBeLessThan(2 ** 29);
}, 900_000);
