import type { SensorName } from "../../core/place.ts";
import { bandOrders } from "./profiles.ts";

/** Sampled values per band in file order, in the sensor's unit (S2 reflectance × 10⁴, S1 dB, HR 0–255); NaN: masked. */
export type BandColumns = readonly ArrayLike<number>[];

/** An order of bands, and how well it fits what the sensor sees. */
export interface OrderFit {
  bands: readonly string[];
  /** Name in {@link bandOrders}, where it has one. */
  order: string | undefined;
  /** Share of the telling pixels that look right, 0 to 1; NaN: no pixel tells. */
  fit: number;
}

/**
 * Per sensor: `tells` picks pixels in which a wrong order would show, by values that do not depend on the order
 * (`sorted`, descending); a rule is used when both of its bands are there. On 150 scenes of EuroSAT, Sen1Floods11,
 * TerraMesh and WorldCereal the true order fits 0.8 to 1 of the telling pixels, the other known orders 0 to 0.4.
 */
const knowledge: Record<
  SensorName,
  {
    tells: (sorted: Float64Array) => boolean;
    rules: [a: string, b: string, rule: (a: number, b: number) => boolean][];
  }
> = {
  s2: {
    // Bright in a third of the bands (no water under haze, no shadow) and coloured (no cloud, where all are alike).
    tells: (sorted) =>
      sorted[Math.ceil(sorted.length / 3) - 1]! > 1000 && sorted[0]! > 2 * sorted[sorted.length - 1]!,
    rules: [
      // Neighbours in wavelength see nearly the same; between B05 and B07 lies the red edge of vegetation.
      ["B07", "B8A", (a, b) => Math.abs(a - b) < 0.3 * b],
      ["B08", "B8A", (a, b) => Math.abs(a - b) < 0.35 * b],
      ["B05", "B06", (a, b) => b > 0.9 * a],
      ["B06", "B07", (a, b) => b > 0.9 * a],
      ["B04", "B08", (a, b) => b > 0.9 * a],
      ["B11", "B12", (a, b) => a > 0.8 * b],
      // Water vapour absorbs all of B10 and, above the atmosphere, much of B09.
      ["B10", "B8A", (a, b) => a < 0.3 * b],
      ["B10", "B11", (a, b) => a < 0.6 * b],
      ["B09", "B10", (a, b) => a > b],
      ["B09", "B8A", (a, b) => a < 1.4 * b],
    ],
  },
  // The cross-polarised echo is the weaker one nearly everywhere.
  s1: { tells: () => true, rules: [["VV", "VH", (a, b) => a > b]] },
  hr: {
    // Bright in one band and dark in another: vegetation, mostly. Water and shadow are dark everywhere.
    tells: (sorted) => sorted[0]! > 90 && sorted[0]! > 1.35 * sorted[sorted.length - 1]!,
    rules: [["R", "NIR", (a, b) => b > 0.8 * a]],
  },
};

/** The pixels of a sample in which a wrong order of bands would show. */
export function tellingPixels(sensor: SensorName, columns: BandColumns, atMost = 2000): number[][] {
  const count = columns[0]?.length ?? 0;
  const pixels: number[][] = [];
  for (let p = 0; p < count; p++) {
    const values = columns.map((column) => column[p]!);
    if (values.every(Number.isFinite) && knowledge[sensor].tells(Float64Array.from(values).sort().reverse())) {
      pixels.push(values);
    }
  }
  const step = Math.max(1, pixels.length / atMost);
  return Array.from({ length: Math.min(pixels.length, atMost) }, (_, i) => pixels[Math.floor(i * step)]!);
}

/** Share of `pixels` that look right if their values stand in the order `bands`; NaN: nothing tells. */
export function fitOf(sensor: SensorName, pixels: readonly number[][], bands: readonly string[]): number {
  const rules = knowledge[sensor].rules
    .map(([a, b, rule]) => ({ a: bands.indexOf(a), b: bands.indexOf(b), rule }))
    .filter(({ a, b }) => a >= 0 && b >= 0);
  if (rules.length === 0 || pixels.length === 0) return Number.NaN;
  return pixels.filter((v) => rules.every(({ a, b, rule }) => rule(v[a]!, v[b]!))).length / pixels.length;
}

/** The known orders of that many bands, best fit first. */
export function guessOrders(sensor: SensorName, columns: BandColumns): OrderFit[] {
  const pixels = tellingPixels(sensor, columns);
  return Object.entries(bandOrders)
    .filter(([, known]) => known.sensor === sensor && known.bands.length === columns.length)
    .map(([order, { bands }]) => ({ order, bands, fit: fitOf(sensor, pixels, bands) }))
    .sort((a, b) => (b.fit || 0) - (a.fit || 0));
}

/** What the statistics say of an order. */
export interface OrderCheck {
  /** "wrong": refuse. "unlike": the pixels look unlike the names, but like no other order either. */
  verdict: "right" | "wrong" | "unlike" | "cannot tell";
  pixels: number;
  fit: number;
  /** The order that fits best, when the verdict is "wrong". */
  better?: OrderFit;
}

/**
 * Compare the order in which bands are named with the other known orders of these bands, and with those that differ
 * by one band moved elsewhere or two exchanged.
 *
 * Not seen: an exchange among B01 to B04, of R, G and B, or of B11 and B12 over soil.
 */
export function checkOrder(sensor: SensorName, bands: readonly string[], columns: BandColumns): OrderCheck {
  const pixels = tellingPixels(sensor, columns);
  const fit = fitOf(sensor, pixels, bands);
  if (pixels.length < 30 || Number.isNaN(fit)) return { verdict: "cannot tell", pixels: pixels.length, fit };
  if (fit > 0.3) return { verdict: "right", pixels: pixels.length, fit };
  const same = [...bands].sort().join();
  const known = Object.entries(bandOrders)
    .filter(([, other]) => other.sensor === sensor && [...other.bands].sort().join() === same)
    .map(([order, other]) => ({ order, bands: other.bands }));
  const moved = permutations(bands).map((other) => ({ order: undefined, bands: other }));
  let better: OrderFit | undefined;
  for (const other of [...known, ...moved]) {
    const otherFit = fitOf(sensor, pixels, other.bands);
    // A named order comes first and stays unless another is clearly better.
    if (otherFit > 0.8 && otherFit > (better === undefined ? 0 : better.fit + 0.05))
      better = { ...other, fit: otherFit };
  }
  return { verdict: better === undefined ? "unlike" : "wrong", pixels: pixels.length, fit, better };
}

function permutations(bands: readonly string[]): string[][] {
  const out: string[][] = [];
  for (let from = 0; from < bands.length; from++) {
    for (let to = 0; to < bands.length; to++) {
      if (from === to) continue;
      const rest = bands.filter((_, i) => i !== from);
      out.push([...rest.slice(0, to), bands[from]!, ...rest.slice(to)]);
      if (from < to) {
        const swapped = [...bands];
        [swapped[from], swapped[to]] = [bands[to]!, bands[from]!];
        out.push(swapped);
      }
    }
  }
  return out;
}
