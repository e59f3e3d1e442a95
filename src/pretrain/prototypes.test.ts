import { expect, test } from "vitest";
import { type NdArray, nd, noise, sumOver } from "../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../test/support/evaluate.ts";
import { gradients } from "../graph/gradients.ts";
import { sum } from "../graph/ops/reduce.ts";
import { batchDim } from "../graph/shape.ts";
import { constant, input } from "../graph/tensor.ts";
import { geoContext } from "../model/geo-context.ts";
import { updatePrototypes } from "./prototypes.ts";

const [regions, prototypes, width, cells] = [5, 3, 4, 9];
type Rows = number[][];

const length = (row: number[]) => Math.hypot(...row);
const unitRow = (row: number[]) => row.map((v) => v / length(row));
const rowsOf = (data: ArrayLike<number>, first: number, count: number): Rows =>
  Array.from({ length: count }, (_, i) => Array.from({ length: width }, (_, j) => data[(first + i) * width + j]!));

async function update(feeds: { bank: NdArray; visits: NdArray; fused: NdArray; region: NdArray; valid?: NdArray }) {
  const places = batchDim();
  const out = updatePrototypes({
    ...(feeds.valid && { valid: input("valid", [places, cells]) }),
    bank: input("bank", feeds.bank.shape),
    visits: input("visits", feeds.visits.shape),
    fused: input("fused", [places, ...feeds.fused.shape.slice(1)]),
    region: input("region", [places, regions]),
  });
  const found = await evaluate({ "new bank": out.bank, "new visits": out.visits }, { ...feeds });
  return { bank: found["new bank"]!, visits: found["new visits"]! };
}

/** The regions of places as rows with a 1; undefined is an unknown location. */
const oneHot = (list: readonly (number | undefined)[]): NdArray => ({
  shape: [list.length, regions],
  data: list.flatMap((region) => Array.from({ length: regions }, (_, r) => (r === region ? 1 : 0))),
});

/** Region by region in double precision, matrices in full; the regions were visited before. */
function byHand(bank: NdArray, visits: number[], fused: NdArray, list: readonly (number | undefined)[]): number[] {
  return visits.flatMap((before, r) => {
    const old = rowsOf(bank.data, r * prototypes, prototypes);
    const places = list.flatMap((region, i) => (region === r ? [rowsOf(fused.data, i * cells, cells)] : []));
    if (places.length === 0) return old.flat();
    const total: Rows = old.map((row) => row.map(() => 0));
    const mass = old.map(() => 0);
    for (const x of places) {
      let q = x.map((cell) =>
        old.map((p) => Math.exp(sumOver(width, (j) => unitRow(cell)[j]! * unitRow(p)[j]!) / 0.05)),
      );
      for (let iteration = 0; iteration < 3; iteration++) {
        const columns = old.map((_, k) => sumOver(cells, (i) => q[i]![k]!));
        q = q.map((row) => row.map((v, k) => v / columns[k]!));
        q = q.map((row) => row.map((v) => v / sumOver(prototypes, (k) => row[k]!)));
      }
      for (const [i, cell] of x.entries()) {
        for (let k = 0; k < prototypes; k++) {
          mass[k]! += q[i]![k]!;
          for (let j = 0; j < width; j++) total[k]![j]! += q[i]![k]! * cell[j]!;
        }
      }
    }
    const m = Math.min(0.99, before / (before + places.length));
    return old.flatMap((row, k) => row.map((v, j) => m * v + ((1 - m) * total[k]![j]!) / mass[k]!));
  });
}

const bank = noise([regions, prototypes, width], 1);
const fused = { shape: [4, cells, width], data: noise([4, cells, width], 2).data.map((v) => 7 * v) };

test("updatePrototypes: are those of the definition, one region at a time", async () => {
  const visits = [3, 1, 500, 2, 9];
  const list = [2, undefined, 0, 2];
  const found = await update({ bank, visits: { shape: [regions], data: visits }, fused, region: oneHot(list) });
  const expected = { shape: bank.shape, data: byHand(bank, visits, fused, list) };
  expectClose(found.bank, expected, { rtol: 1e-4, atol: 1e-5 }); // exp(cos/0.05) in single precision
  expect(found.visits.data).toEqual([4, 1, 502, 2, 9]);
});

test("updatePrototypes: regions without a place, and places without a location, change not a bit", async () => {
  const visits = { shape: [regions], data: [0, 1, 2, 3, 4] };
  const found = await update({ bank, visits, fused, region: oneHot([undefined, undefined, 3, undefined]) });
  for (const r of [0, 1, 2, 4]) {
    const part = (x: NdArray) => Array.from(x.data).slice(r * prototypes * width, (r + 1) * prototypes * width);
    expect(part(found.bank)).toEqual(part(bank));
  }
  const other = {
    ...fused,
    data: fused.data.map((v, i) => (i >= 2 * cells * width && i < 3 * cells * width ? v : -v)),
  };
  const same = await update({ bank, visits, fused: other, region: oneHot([undefined, undefined, 3, undefined]) });
  expect(same.bank).toEqual(found.bank);
  expect(found.visits.data).toEqual([0, 1, 2, 4, 4]);
});

test("updatePrototypes: the attention to what was learnt tells groups of cells apart", async () => {
  // As long as features of this width are after a transformer: a few times √width.
  const axis = (j: number) => Array.from({ length: width }, (_, i) => (i === j ? 3 * Math.sqrt(width) : 0));
  const grouped = { shape: [1, cells, width], data: [0, 0, 0, 1, 1, 1, 2, 2, 2].flatMap(axis) };
  const visits = { shape: [regions], data: [0, 0, 0, 0, 0] };
  const learnt = await update({ bank, visits, fused: grouped, region: oneHot([1]) });
  const out = geoContext({ prototypes: input("bank", bank.shape) }, input("fused", grouped.shape), {
    region: input("region", [1], "int64"),
    known: input("known", [1]),
  });
  const [region, known] = [
    { shape: [1], data: [1] },
    { shape: [1], data: [1] },
  ];
  const { context } = await evaluate({ context: out }, { bank: learnt.bank, fused: grouped, region, known });
  // What is appended to a cell is the prototype of its own group, nearly.
  for (let cell = 0; cell < cells; cell++) {
    const [own, appended] = [0, width].map((first) =>
      Array.from({ length: width }, (_, j) => context!.data[cell * 2 * width + first + j]!),
    ) as [number[], number[]];
    expect(length(own.map((v, j) => v - appended[j]!))).toBeLessThan(0.1 * length(own));
  }
});

test("updatePrototypes: cells that are not valid, and places without a valid one, teach nothing", async () => {
  const visits = { shape: [regions], data: [0, 2, 2, 2, 2] };
  const region = oneHot([1, 0, 1, 3]);
  const mask = (place: number, cell: number) => (place === 3 ? 0 : (place + cell) % 3 === 0 ? 0 : 1);
  const valid = nd([4, cells], ([place, cell]) => mask(place!, cell!));
  const found = await update({ bank, visits, fused, region, valid });
  const other = {
    ...fused,
    data: fused.data.map((v, i) => (mask(Math.floor(i / width / cells), Math.floor(i / width) % cells) ? v : 99 - v)),
  };
  expect(await update({ bank, visits, fused: other, region, valid })).toEqual(found);
  expect(found.visits.data).toEqual([1, 4, 2, 2, 2]);
  // The same as a place of its valid cells alone.
  const kept = rowsOf(fused.data, cells, cells).filter((_, cell) => mask(1, cell) === 1);
  const [alone] = [{ shape: [1, kept.length, width], data: kept.flat() }];
  const one = await update({ bank, visits: { ...visits, data: [1, 2, 2, 2, 2] }, fused: alone, region: oneHot([0]) });
  const masked = await update({
    ...{ bank, visits: { ...visits, data: [1, 2, 2, 2, 2] }, region: oneHot([0]) },
    fused: { shape: [1, cells, width], data: fused.data.slice(cells * width, 2 * cells * width) },
    valid: { shape: [1, cells], data: valid.data.slice(cells, 2 * cells) },
  });
  expectClose(masked.bank, one.bank, { rtol: 1e-4, atol: 1e-5 });
});

test("updatePrototypes: a region starts from its cells, whatever was there; groups of cells are told apart", async () => {
  const axis = (j: number) => Array.from({ length: width }, (_, i) => (i === j ? 5 : 0));
  const grouped = { shape: [1, cells, width], data: [0, 0, 0, 1, 1, 1, 2, 2, 2].flatMap(axis) };
  const visits = { shape: [regions], data: [0, 0, 0, 0, 0] };
  const region = oneHot([1]);
  const found = await update({ bank, visits, fused: grouped, region });
  const other = await update({ bank: noise([regions, prototypes, width], 77), visits, fused: grouped, region });
  const learnt = rowsOf(found.bank.data, prototypes, prototypes);
  const again = rowsOf(other.bank.data, prototypes, prototypes).flat();
  for (const [i, value] of learnt.flat().entries()) expect(again[i]).toBeCloseTo(value, 6);
  for (const [k, row] of learnt.entries()) expect(row[k]).toBeGreaterThan(0.99 * 5);
});

test("updatePrototypes: repeated visits of the same place settle at its clusters", async () => {
  const one = { shape: [1, cells, width], data: fused.data.slice(0, cells * width) };
  const region = oneHot([0]);
  let state: { bank: NdArray; visits: NdArray } = { bank, visits: { shape: [regions], data: [0, 0, 0, 0, 0] } };
  const all: NdArray[] = [];
  for (let i = 0; i < 12; i++) {
    state = await update({ ...state, fused: one, region });
    all.push(state.bank);
  }
  const moved = (a: NdArray, b: NdArray) =>
    length(Array.from(a.data, (v, i) => v - b.data[i]!).slice(0, prototypes * width));
  expect(moved(all[11]!, all[10]!)).toBeLessThan(0.1 * moved(all[1]!, all[0]!));
  expect(state.visits.data[0]).toBe(12);
});

test("updatePrototypes: no gradient passes", async () => {
  const x = input("fused", [2, cells, width]);
  const out = updatePrototypes({
    bank: input("bank", [regions, prototypes, width]),
    visits: input("visits", [regions]),
    fused: x,
    region: input("region", [2, regions]),
  });
  const [d] = gradients([{ of: sum(out.bank, { axes: [0, 1, 2] }), value: constant([1], []) }], [x]);
  const feeds = { fused: noise([2, cells, width]), bank, visits: noise([regions]), region: oneHot([1, 2]) };
  const found = await evaluate({ d: d! }, feeds);
  expect(Array.from(found.d!.data).every((v) => v === 0)).toBe(true);
});
