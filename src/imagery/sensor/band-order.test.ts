import { expect, test } from "vitest";
import { checkOrder, guessOrders } from "./band-order.ts";
import { bandOrders } from "./profiles.ts";

/** Typical reflectance × 10⁴ above the atmosphere: a meadow and dry soil, with a little noise. */
const meadow: Record<string, number> = {
  B01: 1250,
  B02: 1000,
  B03: 950,
  B04: 700,
  B05: 1150,
  B06: 2700,
  B07: 3300,
  B08: 3250,
  B8A: 3600,
  B09: 900,
  B10: 12,
  B11: 2000,
  B12: 1050,
};
const soil: Record<string, number> = {
  B01: 1500,
  B02: 1400,
  B03: 1500,
  B04: 1800,
  B05: 2050,
  B06: 2250,
  B07: 2450,
  B08: 2500,
  B8A: 2750,
  B09: 800,
  B10: 14,
  B11: 3600,
  B12: 3000,
};
const lake: Record<string, number> = {
  B01: 1150,
  B02: 800,
  B03: 550,
  B04: 300,
  B05: 260,
  B06: 220,
  B07: 215,
  B08: 180,
  B8A: 165,
  B09: 60,
  B10: 8,
  B11: 50,
  B12: 25,
};

function columns(bands: readonly string[], covers: Record<string, number>[]): number[][] {
  return bands.map((band, b) =>
    Array.from({ length: 400 }, (_, p) => covers[p % covers.length]![band]! * (1 + 0.05 * Math.sin(p * 7.3 + b))),
  );
}
const l1c = bandOrders.l1c!.bands;

test("checkOrder: the true order is right over land and over water", () => {
  expect(checkOrder("s2", l1c, columns(l1c, [meadow, soil])).verdict).toBe("right");
  expect(checkOrder("s2", l1c, columns(l1c, [lake])).verdict).toBe("right");
});

test("checkOrder: EuroSAT's order under the names of L1C is wrong, over land and over water", () => {
  for (const cover of [meadow, soil, lake]) {
    const check = checkOrder("s2", l1c, columns(bandOrders.eurosat!.bands, [cover]));
    expect(check).toMatchObject({ verdict: "wrong", better: { order: "eurosat" } });
    expect(check.fit).toBeLessThan(0.05);
  }
});

test("checkOrder: the official loader's order under the model's names is wrong", () => {
  const check = checkOrder("s2", bandOrders.model!.bands, columns(bandOrders.skysense!.bands, [meadow]));
  expect(check).toMatchObject({ verdict: "wrong", better: { order: "skysense" } });
});

test("checkOrder: two exchanged bands that no known order explains are found", () => {
  const swapped = l1c.map((band) => ({ B04: "B08", B08: "B04" })[band] ?? band);
  const check = checkOrder("s2", l1c, columns(swapped, [meadow, soil]));
  expect(check.verdict).toBe("wrong");
  expect(check.better!.bands).toEqual(swapped);
});

test("checkOrder: VV is the stronger echo", () => {
  const vv = Array.from({ length: 100 }, (_, i) => -10 - Math.sin(i));
  const vh = vv.map((v) => v - 7);
  expect(checkOrder("s1", ["VV", "VH"], [vv, vh]).verdict).toBe("right");
  expect(checkOrder("s1", ["VH", "VV"], [vv, vh])).toMatchObject({ verdict: "wrong", better: { order: "vvvh" } });
});

test("checkOrder: an aerial image with NIR first is not R, G, B, NIR", () => {
  const wood = [
    [150, 60, 70, 60],
    [180, 75, 85, 65],
  ];
  const bands = [0, 1, 2, 3].map((b) => Array.from({ length: 100 }, (_, p) => wood[p % 2]![b]! + (p % 5)));
  expect(checkOrder("hr", ["R", "G", "B", "NIR"], bands)).toMatchObject({
    verdict: "wrong",
    better: { order: "nirrgb" },
  });
  expect(checkOrder("hr", ["NIR", "R", "G", "B"], bands).verdict).toBe("right");
});

test("checkOrder: a constant image and one without valid pixels tell nothing", () => {
  const constant = l1c.map(() => new Array(100).fill(1500));
  expect(checkOrder("s2", bandOrders.l2a!.bands, constant.slice(1)).verdict).toBe("cannot tell");
  expect(
    checkOrder(
      "s2",
      l1c,
      l1c.map(() => new Array(100).fill(Number.NaN)),
    ).verdict,
  ).toBe("cannot tell");
});

test("guessOrders: unnamed bands of EuroSAT look like EuroSAT", () => {
  const [best, next] = guessOrders("s2", columns(bandOrders.eurosat!.bands, [meadow, soil]));
  expect(best!.order).toBe("eurosat");
  expect(best!.fit - next!.fit).toBeGreaterThan(0.9);
});
