import { expect, test } from "vitest";
import { noise, sumOver } from "../../test/support/arrays.ts";
import { evaluate } from "../../test/support/evaluate.ts";
import { batchDim } from "../graph/shape.ts";
import { input } from "../graph/tensor.ts";
import { assignmentMonitors, featureMonitors } from "./monitors.ts";

const [n, k, d] = [6, 8, 5];
const probabilities = (() => {
  const { data } = noise([n, k], 4);
  const rows = Array.from({ length: n }, (_, i) => data.slice(i * k, (i + 1) * k).map((v) => Math.exp(4 * v)));
  return rows.map((row) => row.map((v) => v / sumOver(k, (j) => row[j]!)));
})();
const entropy = (p: number[]) => -p.reduce((sum, v) => sum + (v === 0 ? 0 : v * Math.log(v)), 0);
const meanRow = (rows: number[][]) => rows[0]!.map((_, j) => sumOver(rows.length, (i) => rows[i]![j]!) / rows.length);

async function assignments(rows: number[][], weight?: number[]) {
  const width = rows[0]!.length;
  const w = weight && { weight: input("w", [batchDim()]) };
  const out = assignmentMonitors(input("p", [batchDim(), width]), w);
  for (const value of Object.values(out)) expect(value.shape).toEqual([]);
  const feeds = {
    p: { shape: [rows.length, width], data: rows.flat() },
    w: { shape: [rows.length], data: weight ?? [] },
  };
  const found = await evaluate({ ...out }, feeds);
  return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, data[0]!]));
}

async function features(x: number[][], y: number[][], weight?: number[]) {
  const w = weight && { weight: input("w", [batchDim()]) };
  const out = featureMonitors(input("x", [batchDim(), d]), input("y", [batchDim(), d]), w);
  const value = (rows: number[][]) => ({ shape: [rows.length, d], data: rows.flat() });
  const found = await evaluate(
    { ...out },
    { x: value(x), y: value(y), w: { shape: [x.length], data: weight ?? [] } },
  );
  for (const { shape } of Object.values(found)) expect(shape).toEqual([]);
  return { deviation: found.deviation!.data[0]!, agreement: found.agreement!.data[0]! };
}

test("assignmentMonitors: are the entropies and the count that their names say", async () => {
  const found = await assignments(probabilities);
  expect(found.entropy).toBeCloseTo(sumOver(n, (i) => entropy(probabilities[i]!)) / n / Math.log(k), 5);
  expect(found.balance).toBeCloseTo(entropy(meanRow(probabilities)) / Math.log(k), 5);
  const chosen = new Set(probabilities.map((row) => row.indexOf(Math.max(...row)))).size;
  expect(found.used).toBeCloseTo(chosen / n, 6);
});

test("assignmentMonitors: know even rows, one-hot rows, and a collapse onto one prototype", async () => {
  const row = (j: number) => Array.from({ length: k }, (_, i) => (i === j ? 1 : 0));
  expect(await assignments(Array.from({ length: 16 }, () => new Array(k).fill(1 / k)))).toEqual({
    entropy: expect.closeTo(1, 5),
    balance: expect.closeTo(1, 5),
    used: 1 / k,
  });
  expect(await assignments(Array.from({ length: 16 }, (_, i) => row(i % k)))).toEqual({
    entropy: expect.closeTo(0, 6),
    balance: expect.closeTo(1, 5),
    used: 1,
  });
  expect(await assignments(Array.from({ length: 16 }, () => row(3)))).toEqual({
    entropy: expect.closeTo(0, 6),
    balance: expect.closeTo(0, 6),
    used: 1 / k,
  });
});

test("monitors: rows of weight 0 do not count", async () => {
  const weight = [1, 0, 1, 1, 0, 1];
  const kept = probabilities.filter((_, i) => weight[i] === 1);
  const found = await assignments(probabilities, weight);
  for (const [name, value] of Object.entries(await assignments(kept))) expect(found[name]).toBeCloseTo(value, 5);
  const rows = (seed: number) =>
    Array.from({ length: n }, (_, i) => noise([n, d], seed).data.slice(i * d, (i + 1) * d));
  const few = (x: number[][]) => x.filter((_, i) => weight[i] === 1);
  const [x, y] = [rows(1), rows(2)];
  const all = await features(x, y, weight);
  const part = await features(few(x), few(y));
  expect(all.deviation).toBeCloseTo(part.deviation, 5);
  expect(all.agreement).toBeCloseTo(part.agreement, 5);
});

test("featureMonitors: deviation and cosine are those of features at length one", async () => {
  const rows = (seed: number) =>
    Array.from({ length: n }, (_, i) => noise([n, d], seed).data.slice(i * d, (i + 1) * d));
  const [x, y] = [rows(1), rows(2)];
  const unit = (list: number[][]) => list.map((row) => row.map((v) => v / Math.hypot(...row)));
  const [u, v] = [unit(x), unit(y)];
  const centre = meanRow(u);
  const deviations = centre.map((m, j) => Math.sqrt(sumOver(n, (i) => (u[i]![j]! - m) ** 2) / n));
  const found = await features(x, y);
  expect(found.deviation).toBeCloseTo((sumOver(d, (j) => deviations[j]!) / d) * Math.sqrt(d), 5);
  expect(found.agreement).toBeCloseTo(sumOver(n, (i) => sumOver(d, (j) => u[i]![j]! * v[i]![j]!)) / n, 5);
});

test("featureMonitors: features that are all the same deviate by nothing; aliased networks agree fully", async () => {
  const same = Array.from({ length: n }, () => [1, 2, 3, 4, 5]);
  const found = await features(same, same);
  expect(found.deviation).toBeCloseTo(0, 5);
  expect(found.agreement).toBeCloseTo(1, 6);
});
