import { expect, test } from "vitest";
import { noise, sumOver } from "../../test/support/arrays.ts";
import { checkGrad } from "../../test/support/check-grad.ts";
import { evaluate, expectClose } from "../../test/support/evaluate.ts";
import { gradients } from "../graph/gradients.ts";
import { sum } from "../graph/ops/reduce.ts";
import { constant, input } from "../graph/tensor.ts";
import { objectCentres } from "./objects.ts";

const [n, c, d] = [10, 3, 5];
const shapes = { student: [2, n, d], teacher: [2, n, d], centres: [c, d] };

const rowsOf = (data: number[], width: number) =>
  Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width));
const unitRow = (row: number[]) => row.map((v) => v / Math.hypot(...row));
const dot = (a: number[], b: number[]) => sumOver(a.length, (i) => a[i]! * b[i]!);

/** Cluster means from a matrix of assignments. */
function meansByHand(x: number[][], assignment: number[][]): number[] {
  return Array.from({ length: c }, (_, k) => {
    const mass = sumOver(x.length, (i) => assignment[i]![k]!);
    return Array.from({ length: d }, (_, j) => sumOver(x.length, (i) => assignment[i]![k]! * x[i]![j]!) / mass);
  }).flat();
}

function softmaxRows(scores: number[][]): number[][] {
  return scores.map((row) => {
    const total = sumOver(c, (k) => Math.exp(row[k]!));
    return row.map((v) => Math.exp(v) / total);
  });
}

/** Columns to n/k, then rows to 1, three times. */
function balance(scores: number[][]): number[][] {
  let q = scores.map((row) => row.map(Math.exp));
  for (let i = 0; i < 3; i++) {
    const columns = Array.from({ length: c }, (_, k) => sumOver(q.length, (row) => q[row]![k]!));
    q = q
      .map((row) => row.map((v, k) => v / columns[k]!))
      .map((row) => row.map((v) => v / sumOver(c, (k) => row[k]!)));
  }
  return q;
}

test("objectCentres: are means of cells of length one, softly assigned for the student, balanced for the teacher", async () => {
  const [student, teacher, centres] = [noise([2, n, d], 1), noise([2, n, d], 2), noise([c, d], 3)];
  const found = await evaluate(
    { ...objectCentres(input("s", shapes.student), input("t", shapes.teacher), input("c", shapes.centres)) },
    { s: student, t: teacher, c: centres },
  );
  const directions = rowsOf(centres.data, d).map(unitRow);
  const expected = (data: number[], assign: (scores: number[][]) => number[][], scale: number) =>
    [0, 1].flatMap((b) => {
      const x = rowsOf(data.slice(b * n * d, (b + 1) * n * d), d).map(unitRow);
      return meansByHand(x, assign(x.map((row) => directions.map((centre) => dot(row, centre) / scale))));
    });
  const shape = [2, c, d];
  expectClose(found.student!, { shape, data: expected(student.data, softmaxRows, 0.1) }, { rtol: 1e-4, atol: 1e-6 });
  expectClose(found.teacher!, { shape, data: expected(teacher.data, balance, 0.05) }, { rtol: 1e-4, atol: 1e-6 });
});

test("objectCentres: cells in plain groups are found again by their centres", async () => {
  const axes = (index: number) => Array.from({ length: d }, (_, j) => (j === index ? 2 : 0));
  const cells = [0, 1, 2, 0, 1, 2].flatMap(axes);
  const x = { shape: [1, 6, d], data: cells };
  const seen = input("x", [1, 6, d]);
  const out = objectCentres(seen, seen, input("c", [c, d]));
  const found = await evaluate({ ...out }, { x, c: { shape: [c, d], data: [0, 1, 2].flatMap(axes) } });
  const expected = { shape: [1, c, d], data: [0, 1, 2].flatMap((i) => axes(i).map((v) => v / 2)) };
  expectClose(found.student!, expected, { rtol: 0, atol: 2e-4 }); // e⁻¹⁰ of the other groups each
  expectClose(found.teacher!, expected, { rtol: 0, atol: 2e-4 });
});

test("objectCentres: cells of weight 0 belong to no object; where all are, objects are zero", async () => {
  const x = noise([2, n, d], 4);
  const short = { shape: [2, 6, d], data: [...x.data.slice(0, 6 * d), ...x.data.slice(n * d, n * d + 6 * d)] };
  const feeds = { c: noise([c, d], 5) };
  const build = (cells: number, weight?: number[][]) => {
    const t = input("x", [2, cells, d]);
    return { ...objectCentres(t, t, input("c", [c, d]), weight && { weight: constant(weight.flat(), [2, cells]) }) };
  };
  const six = Array.from({ length: n }, (_, i) => (i < 6 ? 1 : 0));
  const found = await evaluate(build(n, [six, six]), { x, ...feeds });
  const expected = await evaluate(build(6), { x: short, ...feeds });
  for (const side of ["student", "teacher"]) expectClose(found[side]!, expected[side]!, { rtol: 1e-3, atol: 1e-5 });
  const none = await evaluate(build(n, [six, new Array<number>(n).fill(0)]), { x, ...feeds });
  expect(Array.from(none.student!.data).slice(c * d)).toEqual(new Array(c * d).fill(0));
  expect(Array.from(none.teacher!.data).slice(c * d)).toEqual(new Array(c * d).fill(0));
});

test("objectCentres: the student's gradient reaches features and centres, and none the teacher", async () => {
  await checkGrad((x, centres) => objectCentres(x, input("t", [1, n, d]), centres, { temperature: 0.5 }).student, {
    shapes: [
      [1, n, d],
      [c, d],
    ],
    feeds: { t: noise([1, n, d], 8) },
    domain: (v, i) => (i === 1 ? v + 0.2 : v + 0.3),
    h: 3e-3, // unit vectors bend
  });
  const [s, t, centres] = [input("s", [1, n, d]), input("t", [1, n, d]), input("c", [c, d])];
  const loss = sum(objectCentres(s, t, centres).teacher, { axes: [0, 1, 2] });
  const found = gradients([{ of: loss, value: constant([1], []) }], [t, centres]);
  const values = await evaluate(Object.fromEntries(found.map((g, i) => [`d${i}`, g])), {
    s: noise([1, n, d]),
    t: noise([1, n, d]),
    c: noise([c, d]),
  });
  for (const value of Object.values(values)) expect(Array.from(value.data).every((v) => v === 0)).toBe(true);
});
