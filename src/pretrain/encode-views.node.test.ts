import { expect, test } from "vitest";
import { at, noise } from "../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../test/support/evaluate.ts";
import { modelBands } from "../imagery/sensor/profiles.ts";
import { initialise } from "../model/initialise.ts";
import { bindParameters, listParameters } from "../model/parameters.ts";
import { presets } from "../model/presets.ts";
import type { SkySenseParams } from "../model/skysense.ts";
import { placeBatches } from "./batches.node.ts";
import { encodeViews, viewInputs, viewShapes } from "./encode-views.ts";
import { pretrainTree } from "./graph.ts";
import { defaults, type PretrainSettings } from "./settings.ts";

const config = presets.tiny;
function place(i: number) {
  const image = (dates: number, count: number) => ({
    data: Float32Array.from(noise([dates, count, 16, 16], i).data, (v) => 1000 * v),
    shape: [dates, count, 16, 16] as [number, number, number, number],
    dates: Array.from({ length: dates }, (_, t) => `2021-0${1 + t}-15`),
  });
  return {
    id: `place ${i}`,
    source: {
      place: {
        s2: { ...image(1 + (i % 2), 10), bands: modelBands("s2") },
        ...(i % 2 === 0 && { s1: { ...image(1, 2), bands: ["VV", "VH"] } }),
      },
    },
  };
}

/** The fused map of a batch's views, [places, views, 1, cells, width], and which cells were drawn for it. */
async function fusedMap(settings: Partial<PretrainSettings>) {
  const all = { ...defaults, sentinelSize: 8, sentinelBatchSize: 4, ...settings };
  const source = placeBatches([0, 1, 2, 3].map(place), { config, settings: all, workers: 0 });
  const { feeds } = await source.batch(0);
  await source.close?.();
  const shapes = Object.fromEntries(Object.entries(feeds).map(([name, { shape }]) => [name, shape]));
  const tree = pretrainTree(config, all);
  const extents = viewShapes(shapes);
  const { maps } = encodeViews(
    bindParameters(tree) as unknown as SkySenseParams,
    viewInputs(shapes, extents),
    config,
    { shapes: extents, locals: false },
  );
  const specs = new Map(listParameters(tree));
  const values = [...initialise(tree, { seed: 1 })].map(
    ([name, data]) => [name, { shape: specs.get(name)!.shape, data: Array.from(data) }] as const,
  );
  const inputs = Object.entries(feeds).map(
    ([name, { shape, data }]) => [name, { shape, data: Array.from(data as ArrayLike<number>, Number) }] as const,
  );
  const { fused } = await evaluate({ fused: maps.fused! }, Object.fromEntries([...values, ...inputs]));
  return { fused: fused!, pick: feeds["fused.pick"] };
}

test("encodeViews: cells that are drawn for the fusion get what they get when all are fused", async () => {
  const whole = await fusedMap({});
  const part = await fusedMap({ fusedCells: 9 });
  expect(whole.pick).toBeUndefined();
  const [rows, , drawn, cells] = part.pick!.shape as [number, number, number, number];
  expect([rows, drawn, cells]).toEqual([8, 9, 64]);
  const width = whole.fused.shape.at(-1)!;
  const chosen = new Set<number>();
  const expected = Array.from({ length: rows * drawn }, (_, i) => {
    const row = part.pick!.data.subarray(i * cells, (i + 1) * cells);
    const cell = row.indexOf(1 as never);
    expect(row.filter((v) => v !== 0)).toHaveLength(1);
    chosen.add(cell);
    const [place, view] = [Math.floor(i / drawn / 2), Math.floor(i / drawn) % 2];
    return Array.from({ length: width }, (_, c) => at(whole.fused, [place, view, 0, cell, c]));
  }).flat();
  expect(chosen.size).toBeGreaterThan(20);
  expectClose(part.fused, { shape: [4, 2, 1, drawn, width], data: expected }, { rtol: 1e-4, atol: 1e-5 });
});
