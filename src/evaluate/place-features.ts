import { type Grid, worldToPixel } from "../core/grid.ts";
import { crossesItself } from "../imagery/vector/crosses-itself.ts";
import { type Extent, extentOf, type Feature, mapFeature, meet } from "../imagery/vector/feature.ts";

/** A feature with its class and where it lies in an image, in pixels. */
export interface PlacedFeature extends Feature {
  value: string;
  extent: Extent;
}

/** Numbers of features by what was found out about them. */
export interface Tally {
  /** On an image, whatever they are. */
  seen: Set<number>;
  /** Of those: */
  classless: Set<number>;
  lines: Set<number>;
  crossing: Set<number>;
  /** With a class, but points alone. */
  points: Set<number>;
}

export function createTally(): Tally {
  return { seen: new Set(), classless: new Set(), lines: new Set(), crossing: new Set(), points: new Set() };
}

/**
 * The features with a class that lie on an image, in its pixels.
 * @param features  In the CRS of the grid.
 */
export function placeFeatures(
  features: readonly Feature[],
  { transform, width, height }: Grid,
  { layer, classField, tally }: { layer: string; classField: string | undefined; tally: Tally },
): PlacedFeature[] {
  return features.flatMap((feature): PlacedFeature[] => {
    const ground = extentOf(feature);
    if (ground === undefined) {
      if (feature.lines) tally.lines.add(feature.id);
      return [];
    }
    const [[x1, y1], [x2, y2]] = [[ground[0], ground[1]] as const, [ground[2], ground[3]] as const].map((corner) =>
      worldToPixel(transform, corner),
    ) as [[number, number], [number, number]];
    const extent: Extent = [Math.min(x1, x2), Math.min(y1, y2), Math.max(x1, x2), Math.max(y1, y2)];
    if (!meet(extent, [0, 0, width, height])) return [];
    tally.seen.add(feature.id);
    const value = classField === undefined ? layer : feature.value;
    if (value === undefined) {
      tally.classless.add(feature.id);
      return [];
    }
    if (feature.polygons.length === 0) tally.points.add(feature.id);
    if (feature.polygons.some(crossesItself)) tally.crossing.add(feature.id);
    return [{ ...mapFeature(feature, (xy) => worldToPixel(transform, xy)), value, extent }];
  });
}

/** What a user should know of a layer's features, as sentences with the numbers of some. */
export function notesOf(
  { seen, classless, lines, crossing }: Tally,
  { file, count }: { file: string; count: number },
  classField: string | undefined,
): string[] {
  const named = (ids: ReadonlySet<number>) => {
    const first = [...ids].sort((a, b) => a - b).slice(0, 5);
    return `${ids.size === 1 ? "feature" : "features"} ${first.join(", ")}${ids.size > 5 ? ", …" : ""}`;
  };
  const many = (ids: ReadonlySet<number>) => (ids.size === 1 ? "1 feature" : `${ids.size} features`);
  const was = (n: number) => (n === 1 ? "was" : "were");
  const outside = count - seen.size - lines.size;
  return [
    ...(classless.size > 0
      ? [`${many(classless)} without "${classField}" ${was(classless.size)} left out (${named(classless)})`]
      : []),
    ...(lines.size > 0
      ? [`${many(lines)} with lines alone ${was(lines.size)} left out: they enclose nothing (${named(lines)})`]
      : []),
    ...(crossing.size > 0
      ? [
          crossing.size === 1
            ? `1 polygon crosses itself and counts as GIS software fills it (${named(crossing)})`
            : `${crossing.size} polygons cross themselves and count as GIS software fills them (${named(crossing)})`,
        ]
      : []),
    ...(outside > 0 ? [`${outside} of ${count} features lie on no image, or have no geometry`] : []),
  ].map((note) => `${file}: ${note}`);
}
