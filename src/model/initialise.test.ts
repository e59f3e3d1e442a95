import { expect, test } from "vitest";
import { sumOver } from "../../test/support/arrays.ts";
import { initialise } from "./initialise.ts";
import { bindParameters, countParameters, type Initial, listParameters, type ParameterTree } from "./parameters.ts";
import { presets } from "./presets.ts";
import { initSkySense } from "./skysense.ts";
import { initUpHead } from "./up-head.ts";

const tiny = initSkySense(presets.tiny) as ParameterTree & { fusion: ParameterTree };

test("initialise: the same seed gives the same numbers, another seed others", () => {
  const [a, b, c] = [1, 1, 2].map((seed) => initialise(tiny, { seed }));
  expect(a).toEqual(b);
  expect(a!.get("fusion.cls_token")).not.toEqual(c!.get("fusion.cls_token"));
});

test("initialise: a part starts alone as it starts in the whole", () => {
  const whole = initialise(tiny, { seed: 5 });
  const part = initialise({ fusion: tiny.fusion }, { seed: 5 });
  expect(part.size).toBeGreaterThan(10);
  for (const [name, values] of part) expect(values, name).toEqual(whole.get(name));
});

test("initialise: every parameter is there in its size, and finite", () => {
  const weights = initialise(tiny, { seed: 1 });
  expect(sumOver(1, () => [...weights.values()].reduce((n, { length }) => n + length, 0))).toBe(
    countParameters(tiny),
  );
  for (const [name, values] of weights) expect(values.every(Number.isFinite), name).toBe(true);
});

/** Mean, deviation and extremes of 40,000 numbers. */
function statistics(initial: Initial) {
  const values = initialise({ w: { shape: [200, 200], initial } }, { seed: 3 }).get("w")!;
  const average = sumOver(values.length, (i) => values[i]!) / values.length;
  const variance = sumOver(values.length, (i) => (values[i]! - average) ** 2) / values.length;
  return { average, deviation: Math.sqrt(variance), low: Math.min(...values), high: Math.max(...values) };
}

test("initialise: uniform numbers fill ± bound evenly", () => {
  const { average, deviation, low, high } = statistics({ kind: "uniform", bound: 0.3 });
  expect(average).toBeCloseTo(0, 2);
  expect(deviation).toBeCloseTo(0.3 / Math.sqrt(3), 2);
  expect(low).toBeGreaterThanOrEqual(-0.3);
  expect(low).toBeLessThan(-0.299);
  expect(high).toBeLessThanOrEqual(0.3);
});

test("initialise: normal numbers have the deviation that is asked for", () => {
  const { average, deviation, high } = statistics({ kind: "normal", std: 0.5 });
  expect(average).toBeCloseTo(0, 2);
  expect(deviation).toBeCloseTo(0.5, 2);
  expect(high).toBeGreaterThan(1.5);
});

test("initialise: truncated normal numbers are cut at ±2 absolute, not at two deviations", () => {
  const narrow = statistics({ kind: "truncatedNormal", std: 0.02 });
  expect(narrow.deviation).toBeCloseTo(0.02, 3);
  expect(narrow.high).toBeGreaterThan(0.06);
  const wide = statistics({ kind: "truncatedNormal", std: 2 });
  expect(wide.high).toBeLessThanOrEqual(2);
  // A normal cut at one deviation keeps 0.5396 of its own.
  expect(wide.deviation).toBeCloseTo(2 * 0.5396, 1);
});

test("initialise: constants are constant", () => {
  expect(statistics({ kind: "constant", value: 1 })).toEqual({ average: 1, deviation: 0, low: 1, high: 1 });
});

test("bindParameters: gives each spec a tensor under its official name and in its shape", () => {
  const bound = bindParameters(tiny) as unknown as {
    fusion: { layers: { ln1: { weight: { node: unknown; shape: unknown } } }[] };
  };
  const { node, shape } = bound.fusion.layers[1]!.ln1.weight;
  expect(node).toMatchObject({ kind: "parameter", name: "fusion.layers.1.ln1.weight" });
  expect(shape).toEqual([presets.tiny.fusion.width]);
  expect(new Set(listParameters(tiny).map(([name]) => name)).size).toBe(listParameters(tiny).length);
});

test("initialise: an even start gives all sub-cells of an up-head the same weights", () => {
  const [even, official] = [true, false].map(
    (evenStart) =>
      initialise(initUpHead({ width: 3, outputWidth: 2, scale: 2, evenStart }), { seed: 0 }).get("decoder.0.weight")!,
  ) as [Float32Array, Float32Array];
  const row = (values: Float32Array, i: number) => [...values.subarray(i * 3, (i + 1) * 3)];
  for (const i of [0, 1, 2, 3]) expect(row(even, i)).toEqual(row(official, 0));
  for (const i of [4, 5, 6, 7]) expect(row(even, i)).toEqual(row(official, 4));
  expect(row(official, 1)).not.toEqual(row(official, 0));
});
