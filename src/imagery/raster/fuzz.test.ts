import { expect, test } from "vitest";
import { fuzzRasters } from "../../../test/support/fuzz-raster.ts";

test("openRaster: 200 truncated and bit-flipped files are read rightly or refused with the remedy", async () => {
  const { equal, refused, other } = await fuzzRasters(200, 1);
  expect(equal + refused + other).toBe(200);
  expect(refused).toBeGreaterThan(100);
}, 120_000);
