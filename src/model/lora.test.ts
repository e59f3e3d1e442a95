import { expect, test } from "vitest";
import { evaluate, expectClose } from "../../test/support/evaluate.ts";
import { input } from "../graph/tensor.ts";
import { initialise } from "./initialise.ts";
import { initLinear, type LinearParams, linear } from "./linear.ts";
import { foldAdapters, isAdapter, withAdapters } from "./lora.ts";
import { bindParameters, listParameters, type ParameterTree } from "./parameters.ts";
import { presets } from "./presets.ts";
import { initSwin } from "./swin-v2.ts";

const lora = { rank: 2, alpha: 6 };
const tree = {
  fc: initLinear(4, 3),
  small: initLinear(4, 2),
  norm: { weight: { shape: [4], initial: { kind: "constant", value: 1 } as const } },
};

test("withAdapters: linear layers larger than the rank get A and B, all else stays", () => {
  const names = listParameters(withAdapters(tree, lora)).map(([name, { shape }]) => [name, shape.join()]);
  expect(names.filter(([name]) => isAdapter(name!))).toEqual([
    ["fc.lora_A.weight", "2,4"],
    ["fc.lora_B.weight", "3,2"],
  ]);
  expect(names.length).toBe(7);
  const swin = listParameters(withAdapters(initSwin(presets.nano.hr) as ParameterTree, { rank: 8, alpha: 16 }));
  const adapted = swin.flatMap(([name]) => /(\w+)\.[\d.]*lora_B\.weight$/.exec(name)?.[1] ?? []);
  expect([...new Set(adapted)].sort()).toEqual(["cpb_mlp", "layers", "proj", "qkv", "reduction"]);
});

test("foldAdapters: a layer computes with W + (α / rank) B·A, and with W at first", async () => {
  const adapted = withAdapters({ fc: initLinear(4, 3) }, lora);
  const values = initialise(adapted, { seed: 1 });
  const shapes = new Map(listParameters(adapted).map(([name, { shape }]) => [name, shape]));
  const x = { shape: [2, 4], data: [1, 2, 3, 4, -1, 0.5, 2, 0] };
  const p = foldAdapters(bindParameters(adapted), lora) as unknown as { fc: LinearParams };
  const run = async () => {
    const feeds = Object.fromEntries(
      [...values].map(([name, data]) => [name, { shape: shapes.get(name)!, data: [...data] }]),
    );
    return (await evaluate({ y: linear(p.fc, input("x", [2, 4])) }, { x, ...feeds })).y!;
  };
  const expected = (b: readonly number[]) => {
    const [w, bias, a] = ["fc.weight", "fc.bias", "fc.lora_A.weight"].map((name) => values.get(name)!);
    const data: number[] = [];
    for (let i = 0; i < 2; i++) {
      for (let o = 0; o < 3; o++) {
        let sum = bias![o]!;
        for (let k = 0; k < 4; k++) {
          const adapter = 3 * (b[o * 2]! * a![k]! + b[o * 2 + 1]! * a![4 + k]!);
          sum += (w![o * 4 + k]! + adapter) * x.data[i * 4 + k]!;
        }
        data.push(sum);
      }
    }
    return { shape: [2, 3], data };
  };
  expectClose(await run(), expected([0, 0, 0, 0, 0, 0]));
  const b = [0.5, -1, 2, 0.25, -0.75, 1];
  values.get("fc.lora_B.weight")!.set(b);
  expectClose(await run(), expected(b));
});
