import { expect, test } from "vitest";
import { createRandom } from "../core/random.ts";
import { cholesky } from "./cholesky.ts";
import { addTransposedProduct, product } from "./products.ts";
import { spanOf } from "./span.ts";

const random = createRandom(3);
const normals = (length: number) => Float64Array.from({ length }, () => random.normal());
const farthest = (a: Float64Array, b: Float64Array) =>
  a.reduce((most, v, i) => Math.max(most, Math.abs(v - b[i]!)), 0);

test("cholesky: A times the solution gives the right-hand side", () => {
  const n = 7;
  const x = normals(20 * n);
  const a = new Float64Array(n * n);
  addTransposedProduct(x, x, a, { m: 20, k: n, n });
  const b = normals(n * 3);
  const solution = b.slice();
  cholesky(a.slice(), n).solve(solution, 3);
  const back = new Float64Array(n * 3);
  product(a, solution, back, { m: n, k: n, n: 3 });
  expect(farthest(back, b)).toBeLessThan(1e-10);
});

test("product and addTransposedProduct: as three plain loops, for sizes that four divides and does not", () => {
  for (const [m, k, n] of [
    [4, 8, 3],
    [5, 7, 2],
    [1, 1, 1],
    [6, 3, 5],
  ] as const) {
    const [a, b, c] = [normals(m * k), normals(k * n), normals(m * n)];
    const out = new Float64Array(m * n);
    product(a, b, out, { m, k, n });
    const plain = Float64Array.from({ length: m * n }, (_, at) =>
      [...Array(k).keys()].reduce((sum, j) => sum + a[Math.floor(at / n) * k + j]! * b[j * n + (at % n)]!, 0),
    );
    expect(farthest(out, plain)).toBeLessThan(1e-12);
    const added = new Float64Array(k * n).fill(1);
    addTransposedProduct(a, c, added, { m, k, n });
    const expected = Float64Array.from({ length: k * n }, (_, at) =>
      [...Array(m).keys()].reduce((sum, i) => sum + a[i * k + Math.floor(at / n)]! * c[i * n + (at % n)]!, 1),
    );
    expect(farthest(added, expected)).toBeLessThan(1e-12);
  }
});

test("spanOf: orthonormal, of the rank of the vectors, and keeping their products", () => {
  const [items, dimensions, rank] = [9, 30, 4];
  const data = new Float64Array(items * dimensions);
  product(normals(items * rank), normals(rank * dimensions), data, { m: items, k: rank, n: dimensions });
  const basis = spanOf({ data, dimensions });
  expect(basis.length).toBe(rank * dimensions);
  const inner = (a: Float64Array, i: number, b: Float64Array, j: number) =>
    [...Array(dimensions).keys()].reduce((sum, d) => sum + a[i * dimensions + d]! * b[j * dimensions + d]!, 0);
  for (let i = 0; i < rank; i++)
    for (let j = 0; j < rank; j++) expect(inner(basis, i, basis, j)).toBeCloseTo(i === j ? 1 : 0, 12);
  for (let i = 0; i < items; i++) {
    const squares = [...Array(rank).keys()].reduce((sum, r) => sum + inner(data, i, basis, r) ** 2, 0);
    expect(squares / inner(data, i, data, i)).toBeCloseTo(1, 10);
  }
});
