import type { Place } from "../core/place.ts";
import type { EncodedCells } from "../embed/encode.ts";
import type { SkySense } from "../embed/model.ts";
import { type CellSides, cutCells, isValidAt } from "./cells.ts";
import type { Extractor } from "./extractor.ts";
import { absentFeature, extractorFacts, type FeatureName } from "./model-features.ts";

/** Something that turns cells of a place into one vector each. */
export interface CellExtractor extends Omit<Extractor, "extract"> {
  /**
   * One vector a cell, all of one length.
   * @param cells  row · columns + column
   * @throws SkySenseError when a place lacks what is needed
   */
  extract(
    place: Place,
    cells: readonly number[],
    options: { columns: number; signal?: AbortSignal | undefined },
  ): Promise<Float32Array[]>;
}

/** What says something of an image says the same of a cell's pixels. */
export function featuresOfCells(extractor: Extractor, sides: CellSides): CellExtractor {
  return {
    ...extractor,
    extract: (place, cells, { columns, signal }) =>
      extractor.extract(
        cells.map((cell) => {
          const window = { row: Math.floor(cell / columns), column: cell % columns, rows: 1, columns: 1 };
          // The filters of RCF reach one pixel further.
          return cutCells(place, window, { sides, margin: 1 });
        }),
        { signal },
      ),
  };
}

/** Cells along a side of what is encoded at once: attention grows with the square of the area. */
const partSide = 32;
const partsPerBatch = 8;

/**
 * The model's dense features: the fused map at a cell, or one encoder's, there the mean over the dates on which the
 * cell is valid. Larger places are encoded in parts of 32 × 32 cells.
 */
export async function modelCells(model: SkySense, feature: FeatureName, sides: CellSides): Promise<CellExtractor> {
  return {
    ...(await extractorFacts(model, `${feature}, dense`)),
    async extract(place, cells, { columns, signal }) {
      const parts = new Map<string, { row: number; column: number; cells: number[] }>();
      for (const [i, cell] of cells.entries()) {
        const [row, column] = [Math.floor(cell / columns), cell % columns].map((k) => k - (k % partSide)) as [
          number,
          number,
        ];
        const part = parts.get(`${row},${column}`) ?? { row, column, cells: [] };
        parts.set(`${row},${column}`, part);
        part.cells.push(i);
      }
      const vectors: Float32Array[] = new Array(cells.length);
      const all = [...parts.values()];
      for (let from = 0; from < all.length; from += partsPerBatch) {
        const some = all.slice(from, from + partsPerBatch);
        const places = some.map((part) => cutCells(place, { ...part, rows: partSide, columns: partSide }, { sides }));
        const encoded = await model.encodeCells(places, { ...(signal && { signal }) });
        for (const [p, part] of some.entries()) {
          for (const i of part.cells) {
            const [row, column] = [Math.floor(cells[i]! / columns) - part.row, (cells[i]! % columns) - part.column];
            vectors[i] = vectorAt(encoded[p]!, { row, column }, { place: places[p]!, feature, sides });
          }
        }
      }
      return vectors;
    },
  };
}

function vectorAt(
  { fused, channels, grid: [rows, columns], sensors }: EncodedCells,
  at: { row: number; column: number },
  { place, feature, sides }: { place: Place; feature: FeatureName; sides: CellSides },
): Float32Array {
  const cell = at.row * columns + at.column;
  if (feature === "fused") return fused.slice(cell * channels, (cell + 1) * channels);
  const maps = sensors[feature];
  if (maps === undefined) throw absentFeature(feature, Object.keys(sensors));
  const stack = place[feature]!;
  const dates = stack.shape[0];
  const width = maps.length / (dates * rows * columns);
  const valid = Array.from({ length: dates }, (_, t) => t).filter((t) => isValidAt(stack, t, at, sides[feature]!));
  const out = new Float32Array(width);
  for (const t of valid) {
    const from = (t * rows * columns + cell) * width;
    for (let j = 0; j < width; j++) out[j]! += maps[from + j]! / valid.length;
  }
  return out;
}
