import type { SensorName } from "../../core/place.ts";
import { bandOrders } from "./profiles.ts";

/** Sampled values per band in file order, in the sensor's unit (S2 reflectance × 10⁴, S1 dB, HR 0–255); NaN: masked. */
export type BandColumns = readonly ArrayLike<number>[];

/** An order of bands, and how well it fits what the sensor sees. */
export interface OrderFit {
  bands: readonly string[];
  /** Name in {@link bandOrders}, where it has one. */
  order: string | undefined;
  /** Share of the telling pixels that look right, 0 to 1; 0: no pixel tells. */
  fit: number;
}

type Rule = readonly [a: string, b: string, holds: (a: number, b: number) => boolean];

/** Rules that hold in the pixels which `tells` picks, by values that do not depend on the order: sorted, descending. */
interface Evidence {
  tells: (sorted: Float64Array) => boolean;
  rules: readonly Rule[];
}

/**
 * What each sensor sees, the strongest evidence first; the next is for scenes in which hardly a pixel tells. A rule is
 * used when both of its bands are there. On 180 scenes of EuroSAT, OSCD, Sen1Floods11, TerraMesh and WorldCereal the
 * true order fits 0.6 to 1 of the telling pixels, the other known orders 0 to 0.4.
 */
const evidence: Readonly<Record<SensorName, readonly Evidence[]>> = {
  s2: [
    {
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
    // Over water only the atmosphere is left to tell.
    { tells: () => true, rules: [["B09", "B10", (a, b) => a > b]] },
  ],
  // The cross-polarised echo is the weaker one nearly everywhere.
  s1: [{ tells: () => true, rules: [["VV", "VH", (a, b) => a > b]] }],
  hr: [
    {
      // Bright in one band and dark in another: vegetation, mostly. Water and shadow are dark everywhere.
      tells: (sorted) => sorted[0]! > 90 && sorted[0]! > 1.35 * sorted[sorted.length - 1]!,
      rules: [
        ["R", "NIR", (a, b) => b > 0.8 * a],
        ["B", "NIR", (a, b) => a < 1.15 * b],
      ],
    },
  ],
};

/** Fewer telling pixels prove nothing; more than the second number would only take time. */
const pixelCount = { least: 30, most: 2000 };

/** Share of the pixels that look right if their values stand in the order `bands`. */
type Fit = (bands: readonly string[]) => number;

/** The first evidence that tells of these columns; `bands` are the names, in any order. */
function findFit(
  sensor: SensorName,
  columns: BandColumns,
  bands: readonly string[],
): { fit: Fit; pixels: number; rules: number } | undefined {
  for (const { tells, rules } of evidence[sensor]) {
    const used = rules.filter(([a, b]) => bands.includes(a) && bands.includes(b));
    const pixels = used.length === 0 ? [] : tellingPixels(columns, tells);
    if (pixels.length < pixelCount.least) continue;
    const fit: Fit = (order) => {
      const indexed = used.map(([a, b, holds]) => ({ a: order.indexOf(a), b: order.indexOf(b), holds }));
      return pixels.filter((v) => indexed.every(({ a, b, holds }) => holds(v[a]!, v[b]!))).length / pixels.length;
    };
    return { fit, pixels: pixels.length, rules: used.length };
  }
  return undefined;
}

function tellingPixels(columns: BandColumns, tells: Evidence["tells"]): number[][] {
  const count = columns[0]?.length ?? 0;
  const pixels: number[][] = [];
  for (let p = 0; p < count; p++) {
    const values = columns.map((column) => column[p]!);
    if (values.every(Number.isFinite) && tells(Float64Array.from(values).sort().reverse())) pixels.push(values);
  }
  const step = Math.max(1, pixels.length / pixelCount.most);
  return Array.from({ length: Math.min(pixels.length, pixelCount.most) }, (_, i) => pixels[Math.floor(i * step)]!);
}

/** The known orders of that many bands, best fit first. */
export function guessOrders(sensor: SensorName, columns: BandColumns): OrderFit[] {
  return Object.entries(bandOrders)
    .filter(([, known]) => known.sensor === sensor && known.bands.length === columns.length)
    .map(([order, { bands }]) => ({ order, bands, fit: findFit(sensor, columns, bands)?.fit(bands) ?? 0 }))
    .sort((a, b) => b.fit - a.fit);
}

/** What the statistics say of an order. */
export interface OrderCheck {
  /** "wrong": refuse. "unlike": the pixels look unlike the names, but like no other order either. */
  verdict: "right" | "wrong" | "unlike" | "cannot tell";
  /** How many pixels tell, and the share of them that fits; NaN where none does. */
  pixels: number;
  fit: number;
  /** The order that fits best, when the verdict is "wrong". */
  better?: OrderFit;
}

/**
 * Compare the order in which bands are named with the other known orders of these bands, and with those that differ
 * by one band moved elsewhere or two exchanged (HR: with the known orders alone).
 *
 * Not seen: an exchange among B01 to B04, of R, G and B, or of B11 and B12 over soil.
 */
export function checkOrder(sensor: SensorName, bands: readonly string[], columns: BandColumns): OrderCheck {
  const found = findFit(sensor, columns, bands);
  if (found === undefined) return { verdict: "cannot tell", pixels: 0, fit: Number.NaN };
  const { pixels } = found;
  const fit = found.fit(bands);
  // Towns in winter break the one rule of a 10 m file in three pixels of four: a single rule has to fail nearly everywhere.
  const doubtful = found.rules > 1 ? 0.3 : 0.05;
  if (fit > 0.7) return { verdict: "right", pixels, fit };
  const same = [...bands].sort().join();
  const known = Object.entries(bandOrders)
    .filter(([, other]) => other.sensor === sensor && [...other.bands].sort().join() === same)
    .map(([order, other]) => ({ order, bands: other.bands, fit: found.fit(other.bands) }));
  if (fit > doubtful) {
    const unlike = fit <= 0.3 || known.some((other) => other.fit > fit + 0.3);
    return { verdict: unlike ? "unlike" : "right", pixels, fit };
  }
  // A handful of rules for HR would fit some permutation of any picture: only the orders that exist are compared.
  const moved = (sensor === "hr" ? [] : permutations(bands)).map((other) => ({
    bands: other,
    fit: found.fit(other),
  }));
  let better: OrderFit | undefined;
  for (const other of [...known, ...moved]) {
    // A named order comes first and stays unless another is clearly better.
    if (other.fit > 0.8 && other.fit > (better?.fit ?? 0) + 0.05) better = { order: undefined, ...other };
  }
  return { verdict: better === undefined ? "unlike" : "wrong", pixels, fit, better };
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
