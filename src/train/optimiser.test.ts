import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createFlat, normOf, spansOf, viewOf } from "./flat.ts";
import { momentsOf, type Optimiser, type Treatment, update } from "./optimiser.ts";

/** The formulas as the papers have them, in float64, for one number. */
function reference(
  optimiser: Optimiser,
  { p, lr, gradients }: { p: number; lr: number; gradients: number[] },
): number {
  let [m, v] = [0, 0];
  for (const [t, g] of gradients.entries()) {
    if (optimiser.kind === "adamw") {
      const [b1, b2] = optimiser.betas ?? [0.9, 0.999];
      m = b1 * m + (1 - b1) * g;
      v = b2 * v + (1 - b2) * g * g;
      const step = m / (1 - b1 ** (t + 1)) / (Math.sqrt(v / (1 - b2 ** (t + 1))) + (optimiser.epsilon ?? 1e-8));
      p -= lr * optimiser.weightDecay * p + lr * step;
    } else {
      const decayed = g + optimiser.weightDecay * p;
      m = (optimiser.momentum ?? 0.9) * m + decayed;
      p -= lr * (optimiser.nesterov ? decayed + (optimiser.momentum ?? 0.9) * m : m);
    }
  }
  return p;
}

const optimisers: Record<string, Optimiser> = {
  AdamW: { kind: "adamw", weightDecay: 0.05 },
  "AdamW, other betas": { kind: "adamw", betas: [0.8, 0.95], epsilon: 1e-3, weightDecay: 0 },
  SGD: { kind: "sgd", momentum: 0, weightDecay: 0.1 },
  "SGD with momentum": { kind: "sgd", weightDecay: 0.01 },
  "SGD, Nesterov": { kind: "sgd", momentum: 0.8, nesterov: true, weightDecay: 0.01 },
};

const whole: Treatment = { lrScale: 1, decay: true };

function flatOf(lengths: readonly number[], options?: { blockBytes: number }) {
  return createFlat(
    lengths.map((length, i) => [`t${i}`, [length]] as const),
    { roles: ["parameters", "gradients", "first", "second"], ...options },
  );
}

describe.each(Object.entries(optimisers))("%s", (_, optimiser) => {
  test("update: follows the formula for every number of every tensor", () => {
    const value = fc.double({ min: -3, max: 3, noNaN: true }).map(Math.fround);
    const numbers = fc.array(value, { minLength: 4, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(fc.array(numbers, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 }),
        (all) => {
          const flat = flatOf(all.map((tensor) => tensor.length));
          const spans = spansOf(flat, () => whole);
          for (const [i, slot] of flat.slots.entries())
            viewOf(flat, "parameters", slot).set(all[i]!.map(([p]) => p!));
          for (const step of [0, 1, 2]) {
            for (const [i, slot] of flat.slots.entries()) {
              viewOf(flat, "gradients", slot).set(all[i]!.map((values) => values[step + 1]!));
            }
            update(flat, spans, optimiser, { step, lr: 0.01 });
          }
          for (const [i, slot] of flat.slots.entries()) {
            for (const [j, [p, ...gradients]] of all[i]!.entries()) {
              const expected = reference(optimiser, { p: p!, lr: 0.01, gradients });
              expect(Math.abs(viewOf(flat, "parameters", slot)[j]! - expected)).toBeLessThan(2e-6);
            }
          }
        },
      ),
      { numRuns: 50 },
    );
  });
});

test("update: a scaled learning rate and no decay concern their tensors alone, one left out stays as it is", () => {
  const optimiser: Optimiser = { kind: "adamw", weightDecay: 0.5 };
  const flat = flatOf([17, 3, 20, 5]);
  const treatments: (Treatment | undefined)[] = [whole, { lrScale: 0.1, decay: false }, undefined, whole];
  for (const slot of flat.slots) {
    viewOf(flat, "parameters", slot).fill(2);
    viewOf(flat, "gradients", slot).fill(0.3);
  }
  const spans = spansOf(flat, ({ name }) => treatments[Number(name.slice(1))]);
  const moved = update(flat, spans, optimiser, { step: 0, lr: 0.1 });
  const after = flat.slots.map((slot) => viewOf(flat, "parameters", slot));
  // The first step of AdamW is lr, whatever the gradient.
  const expected = [2 - 0.1 * 0.5 * 2 - 0.1, 2 - 0.01, 2, 2 - 0.1 * 0.5 * 2 - 0.1];
  for (const [i, values] of after.entries()) {
    for (const value of values) expect(value).toBeCloseTo(expected[i]!, 5);
  }
  expect(moved).toBeCloseTo(Math.sqrt((17 + 5) * 0.2 ** 2 + 3 * 0.01 ** 2), 5);
});

test("update: scaling the gradients is the same as having scaled them before", () => {
  const [a, b] = [flatOf([40]), flatOf([40])];
  const optimiser: Optimiser = { kind: "adamw", weightDecay: 0 };
  for (const [i] of viewOf(a, "gradients", a.slots[0]!).entries()) {
    viewOf(a, "gradients", a.slots[0]!)[i] = i - 20;
    viewOf(b, "gradients", b.slots[0]!)[i] = (i - 20) / 4;
  }
  update(
    a,
    spansOf(a, () => whole),
    optimiser,
    { step: 0, lr: 1, gradientScale: 0.25 },
  );
  update(
    b,
    spansOf(b, () => whole),
    optimiser,
    { step: 0, lr: 1 },
  );
  expect(viewOf(a, "second", a.slots[0]!)).toEqual(viewOf(b, "second", b.slots[0]!));
});

test("createFlat: tensors that do not fit into one memory are spread over several, and trained alike", () => {
  const lengths = [100, 30, 64, 1];
  const [one, many] = [flatOf(lengths), flatOf(lengths, { blockBytes: 2000 })];
  expect(one.blocks).toHaveLength(1);
  expect(many.blocks.length).toBeGreaterThan(1);
  const optimiser: Optimiser = { kind: "adamw", weightDecay: 0.1 };
  const results = [one, many].map((flat) => {
    for (const [i, slot] of flat.slots.entries()) {
      viewOf(flat, "parameters", slot).fill(i + 1);
      viewOf(flat, "gradients", slot).fill(i - 1.5);
    }
    const moved = update(
      flat,
      spansOf(flat, () => whole),
      optimiser,
      { step: 0, lr: 0.1 },
    );
    const values = flat.slots.map((slot) => [...viewOf(flat, "parameters", slot)]);
    return { moved: moved.toFixed(6), norm: normOf(flat, "parameters").toFixed(6), values };
  });
  expect(results[1]).toEqual(results[0]);
});

test("normOf: is that of the numbers, without overflow", () => {
  const flat = flatOf([3]);
  viewOf(flat, "gradients", flat.slots[0]!).set([3e30, 4e30, 0]);
  expect(normOf(flat, "gradients") / 5e30).toBeCloseTo(1, 6);
  viewOf(flat, "gradients", flat.slots[0]!).set([1, Number.NaN, 0]);
  expect(normOf(flat, "gradients")).toBeNaN();
});

test("spansOf: neighbours that are treated alike are one span", () => {
  const flat = flatOf([5, 16, 7, 9]);
  expect(spansOf(flat, () => whole)).toEqual([{ block: 0, offset: 0, length: 64, value: whole }]);
  expect(spansOf(flat, ({ name }) => (name === "t1" ? undefined : whole)).map(({ offset }) => offset)).toEqual([
    0, 32,
  ]);
});

test("momentsOf: AdamW remembers two numbers for each, SGD one", () => {
  expect([momentsOf(optimisers.AdamW!).length, momentsOf(optimisers.SGD!).length]).toEqual([2, 1]);
});
