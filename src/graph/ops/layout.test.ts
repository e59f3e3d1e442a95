import { expect, test } from "vitest";
import { at, nd, noise } from "../../../test/support/arrays.ts";
import { evaluate, expectClose } from "../../../test/support/evaluate.ts";
import { batchDim } from "../shape.ts";
import { indices, input, scope } from "../tensor.ts";
import { concat, split } from "./concat.ts";
import { gather } from "./gather.ts";
import { pad, slice } from "./pad.ts";
import { reshape } from "./reshape.ts";
import { transpose } from "./transpose.ts";

const x = noise([2, 3, 4]);
const batch = batchDim();
/** [batch, 3, 4]; fed with a batch of 2. */
const symbolic = () => input("x", [batch, 3, 4]);
const inModule = <T>(build: () => T) => scope("stages.0", () => scope("attn", build));

test("Reshape: keeps the numbers in their order and the symbolic extent symbolic", async () => {
  const y = reshape(symbolic(), [{ symbol: "batch", times: 6 }, 2]);
  const results = await evaluate({ y, back: reshape(y, [batch, 12]) }, { x });
  expect(results.y).toEqual({ shape: [12, 2], data: x.data });
  expect(results.back).toEqual({ shape: [2, 12], data: x.data });
});

test("Reshape: another number of elements is refused", () => {
  const message = 'Reshape "stages.0.attn": [batch,3,4]: cannot be reshaped to [batch·2,5]';
  expect(() => inModule(() => reshape(symbolic(), [{ symbol: "batch", times: 2 }, 5]))).toThrow(message);
});

test("Transpose: output axis i is input axis perm[i]", async () => {
  const { y } = await evaluate({ y: transpose(symbolic(), [2, 0, 1]) }, { x });
  expectClose(
    y!,
    nd([4, 2, 3], ([k, i, j]) => at(x, [i!, j!, k!])),
  );
});

test("Transpose: axes that are missing or named twice are refused", () => {
  expect(() => inModule(() => transpose(symbolic(), [0, 1, 1]))).toThrow(
    'Transpose "stages.0.attn": [batch,3,4]: [0,1,1] is no order of its axes',
  );
  expect(() => transpose(symbolic(), [1, 0])).toThrow("[1,0] is no order of its axes");
  expect(() => transpose(symbolic(), [1, 2, 3])).toThrow("[1,2,3] is no order of its axes");
});

test("Slice: takes start ≤ i < end along one axis", async () => {
  const t = symbolic();
  const { y, z } = await evaluate(
    { y: slice(t, { axis: 1, start: 1, end: 3 }), z: slice(t, { axis: -1, start: 0, end: 1 }) },
    { x },
  );
  expectClose(
    y!,
    nd([2, 2, 4], ([i, j, k]) => at(x, [i!, j! + 1, k!])),
  );
  expectClose(
    z!,
    nd([2, 3, 1], ([i, j, k]) => at(x, [i!, j!, k!])),
  );
});

test("Slice: what leaves the axis, is empty or cuts the symbolic axis is refused", () => {
  expect(() => inModule(() => slice(symbolic(), { axis: 1, start: 1, end: 4 }))).toThrow(
    'Slice "stages.0.attn": [batch,3,4]: [1, 4) is no part of axis 1',
  );
  expect(() => slice(symbolic(), { axis: 1, start: 2, end: 2 })).toThrow("is no part of axis 1");
  expect(() => slice(symbolic(), { axis: 0, start: 0, end: 1 })).toThrow("is no part of axis 0");
  expect(() => slice(symbolic(), { axis: 3, start: 0, end: 1 })).toThrow(
    "axis 3 does not exist in a tensor of rank 3",
  );
});

test("Split: pieces follow each other along the axis", async () => {
  const [a, b] = split(symbolic(), [1, 3], { axis: 2 });
  const results = await evaluate({ a: a!, b: b! }, { x });
  expectClose(
    results.a!,
    nd([2, 3, 1], ([i, j]) => at(x, [i!, j!, 0])),
  );
  expectClose(
    results.b!,
    nd([2, 3, 3], ([i, j, k]) => at(x, [i!, j!, k! + 1])),
  );
});

test("Split: sizes that do not add up are refused", () => {
  expect(() => inModule(() => split(symbolic(), [1, 2], { axis: 2 }))).toThrow(
    'Split "stages.0.attn": [batch,3,4]: pieces of 1,2 do not add up to axis 2',
  );
});

test("Concat: one tensor after the other, along a fixed or the symbolic axis", async () => {
  const y = noise([2, 2, 4], 2);
  const t = symbolic();
  const results = await evaluate(
    {
      fixed: concat([t, input("y", [batch, 2, 4]), t], { axis: 1 }),
      stacked: concat([t, t], { axis: 0 }),
    },
    { x, y },
  );
  expectClose(
    results.fixed!,
    nd([2, 8, 4], ([i, j, k]) =>
      j! < 3 ? at(x, [i!, j!, k!]) : j! < 5 ? at(y, [i!, j! - 3, k!]) : at(x, [i!, j! - 5, k!]),
    ),
  );
  expectClose(
    results.stacked!,
    nd([4, 3, 4], ([i, j, k]) => at(x, [i! % 2, j!, k!])),
  );
});

test("Concat: other extents, types and an empty list are refused", () => {
  const other = (shape: number[]) => input("y", [batch, ...shape]);
  expect(() => inModule(() => concat([symbolic(), other([3, 5])], { axis: 1 }))).toThrow(
    'Concat "stages.0.attn": [batch,3,4], [batch,3,5]: the shapes differ beside axis 1',
  );
  expect(() => concat([symbolic(), other([3])], { axis: 1 })).toThrow("the shapes differ beside axis 1");
  expect(() => concat([symbolic(), input("y", [batch, 3, 4], "int64")], { axis: 1 })).toThrow(
    "the shapes differ beside axis 1",
  );
  expect(() => concat([symbolic(), input("y", [2, 3, 4])], { axis: 0 })).toThrow("cannot add unlike dimensions");
  expect(() => concat([], { axis: 0 })).toThrow("there is nothing to concatenate");
});

test("Pad: zeros before and after; nothing to add adds no node", async () => {
  const t = symbolic();
  const { y } = await evaluate({ y: pad(t, { before: [0, 1, 0], after: [0, 0, 2] }) }, { x });
  expectClose(
    y!,
    nd([2, 4, 6], ([i, j, k]) => (j! >= 1 && k! < 4 ? at(x, [i!, j! - 1, k!]) : 0)),
  );
  expect(pad(t, { after: [0, 0, 0] })).toBe(t);
});

test("Pad: the symbolic axis and paddings of another rank are refused", () => {
  expect(() => inModule(() => pad(symbolic(), { after: [1, 0, 0] }))).toThrow(
    'Pad "stages.0.attn": [batch,3,4]: the symbolic axis cannot be padded',
  );
  expect(() => pad(symbolic(), { after: [0, 1] })).toThrow("paddings [0,0,0] and [0,1] do not have its rank");
});

test("Gather: the axes of the index replace the axis that is looked up", async () => {
  const { y, z } = await evaluate(
    {
      y: gather(symbolic(), indices([2, 0, 0, 1], [2, 2]), { axis: 1 }),
      z: gather(input("table", [5, 2]), input("day", [batch], "int64")),
    },
    { x, table: noise([5, 2]), day: { shape: [2], data: [4, 0] } },
  );
  const index = nd([2, 2], ([i, j]) => [2, 0, 0, 1][2 * i! + j!]!);
  expectClose(
    y!,
    nd([2, 2, 2, 4], ([i, a, b, k]) => at(x, [i!, at(index, [a!, b!]), k!])),
  );
  expectClose(
    z!,
    nd([2, 2], ([i, k]) => at(noise([5, 2]), [[4, 0][i!]!, k!])),
  );
});

test("Gather: indices of another type and missing axes are refused", () => {
  expect(() => inModule(() => gather(symbolic(), input("i", [2])))).toThrow(
    'Gather "stages.0.attn": [batch,3,4], [2]: indices must be int64',
  );
  expect(() => gather(symbolic(), indices([0]), { axis: 3 })).toThrow("axis 3 does not exist");
});
