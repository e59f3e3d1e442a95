import { expect, test } from "vitest";
import { add } from "./ops/add.ts";
import { constant, indices, input, parameter, scalar, scope } from "./tensor.ts";
import { topologicalOrder } from "./walk.ts";

test("constant: data of another size than the shape is a bug of ours", () => {
  expect(() => constant([1, 2, 3], [2, 2])).toThrow("internal: a constant of 3 values cannot have the shape [2,2]");
  expect(constant(Float32Array.of(1, 2), [2, 1])).toMatchObject({ shape: [2, 1], dtype: "float32" });
  expect(indices([1, 2])).toMatchObject({ shape: [2], dtype: "int64" });
  expect(scalar(1)).toMatchObject({ shape: [], dtype: "float32" });
});

test("scope: paths nest, and an error does not leave its scope behind", () => {
  expect(() => scope("outer", () => scope("inner", () => add(input("a", [2]), input("b", [3]))))).toThrow(
    'Add "outer.inner"',
  );
  expect(() => add(input("a", [2]), input("b", [3]))).toThrow('Add ""');
});

test("topologicalOrder: each node once, after those it needs, however deep", () => {
  const x = input("x", [2]);
  let y = add(x, parameter("w", [2]));
  for (let i = 0; i < 20_000; i++) y = add(y, i % 2 === 0 ? y : x);
  const order = topologicalOrder([y, x, y]);
  expect(order.length).toBe(20_003);
  const place = new Map(order.map((node, i) => [node, i]));
  const early = order.filter(
    (node) => node.kind === "op" && node.inputs.some((t) => place.get(t.node)! >= place.get(node)!),
  );
  expect(early).toEqual([]);
});
