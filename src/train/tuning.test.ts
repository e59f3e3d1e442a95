import { expect, test } from "vitest";
import { initConvNorm } from "../model/conv-norm.ts";
import { initialise } from "../model/initialise.ts";
import { initLinear } from "../model/linear.ts";
import { withAdapters } from "../model/lora.ts";
import { listParameters } from "../model/parameters.ts";
import { weightsFromTensors } from "../runtime/weights.ts";
import { mergeAdapters, startValues, type TuningMode, tunable } from "./tuning.ts";

const lora = { rank: 2, alpha: 4 };
const tree = { backbone_hr: withAdapters({ fc: initLinear(4, 3) }, lora), head: initConvNorm(1, 1, 1) };

test("tunable: heads always learn, running statistics never, and of what was pre-trained as the mode says", () => {
  const trained = (mode: TuningMode) => {
    const rule = tunable(tree, { mode, encoders: ["backbone_"] });
    return listParameters(tree).flatMap(([name]) => (rule(name) ? [name] : []));
  };
  const head = ["head.conv.weight", "head.bn.weight", "head.bn.bias"];
  const adapters = ["backbone_hr.fc.lora_A.weight", "backbone_hr.fc.lora_B.weight"];
  expect(trained("lora")).toEqual([...adapters, ...head]);
  expect(trained("full")).toEqual(["backbone_hr.fc.weight", "backbone_hr.fc.bias", ...adapters, ...head]);
  const plain = { ...tree, backbone_hr: { fc: initLinear(4, 3) } };
  const rule = tunable(plain, { mode: "frozen", encoders: ["backbone_"] });
  expect(listParameters(plain).flatMap(([name]) => (rule(name) ? [name] : []))).toEqual(head);
});

test("startValues: weights of the model where it has them in that shape, else fresh ones", () => {
  const known = Float32Array.from({ length: 12 }, (_, i) => i);
  const weights = weightsFromTensors(
    new Map([
      ["backbone_hr.fc.weight", { dtype: "F32", shape: [3, 4], data: known }],
      ["backbone_hr.fc.bias", { dtype: "F32", shape: [5], data: new Float32Array(5) }],
    ]),
  );
  const values = new Map(startValues(tree, { weights, seed: 3 }));
  expect(values.get("backbone_hr.fc.weight")!.data).toEqual(known);
  expect(values.get("backbone_hr.fc.bias")!.data).toEqual(initialise(tree, { seed: 3 }).get("backbone_hr.fc.bias"));
});

test("mergeAdapters: W + (α / rank) B·A under the name of W", () => {
  const values = startValues(tree, { weights: weightsFromTensors(new Map()), seed: 1 });
  const tensors = new Map(values.map(([name, { shape, data }]) => [name, { dtype: "F32" as const, shape, data }]));
  tensors.get("backbone_hr.fc.lora_B.weight")!.data.set([1, 2, 3, 4, 5, 6]);
  const merged = mergeAdapters(weightsFromTensors(tensors), lora);
  expect([...merged.entries.keys()].some((name) => name.includes("lora"))).toBe(false);
  const [w, a] = ["weight", "lora_A.weight"].map((name) => tensors.get(`backbone_hr.fc.${name}`)!.data);
  const result = merged.float32("backbone_hr.fc.weight");
  for (let o = 0; o < 3; o++) {
    for (let k = 0; k < 4; k++) {
      const expected = w![o * 4 + k]! + 2 * ((2 * o + 1) * a![k]! + (2 * o + 2) * a![4 + k]!);
      expect(result[o * 4 + k]).toBeCloseTo(expected, 5);
    }
  }
  expect(merged.get("head.conv.weight")).toBe(tensors.get("head.conv.weight"));
});
