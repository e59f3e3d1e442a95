import { expect, test } from "vitest";
import { parseSafetensors, serialiseSafetensors } from "../core/safetensors.ts";
import { bankTensors, type PrototypeBank, readBank } from "./prototype-bank.ts";

const bank: PrototypeBank = {
  grid: 2,
  prototypes: Float32Array.from({ length: 4 * 3 * 5 }, (_, i) => Math.sin(i)),
  shape: [4, 3, 5],
  visits: Int32Array.of(0, 7, 1, 0),
};

test("bank: comes back from a file as it went in", () => {
  const { tensors } = parseSafetensors(serialiseSafetensors(bankTensors(bank)));
  expect(readBank((name) => tensors.get(name), { file: "bank" })).toEqual(bank);
});

test("bank: a file without prototypes holds none", () => {
  expect(readBank(() => undefined, { file: "bank" })).toBeUndefined();
});

test("bank: regions that are no square, and visits of another length, name the file", () => {
  const tensors = bankTensors({ ...bank, shape: [3, 4, 5] });
  expect(() => readBank((name) => tensors.get(name), { file: "b.safetensors" })).toThrow(
    "prototypes of shape [3,4,5] are none of an n × n grid of regions (b.safetensors).",
  );
  const short = bankTensors(bank).set("geo_context.visits", { dtype: "I32", shape: [1], data: Int32Array.of(1) });
  expect(() => readBank((name) => short.get(name), { file: "b" })).toThrow("visits are I32 [1], not I32 [4]");
});
