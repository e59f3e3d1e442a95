import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { bindParameters } from "../src/model/parameters.ts";
import { initWindowAttention, positionBias } from "../src/model/window-attention.ts";
import { coordinateTable, relativePositionIndex, windowLayout } from "../src/model/windows.ts";
import type { NdArray } from "./support/arrays.ts";
import { evaluate, expectClose } from "./support/evaluate.ts";

const folder = new URL("../fixtures/golden/swin_tables/", import.meta.url);
const golden = new Map<string, NdArray>();
for (const [name, { shape, data }] of parseSafetensors(readFileSync(new URL("io.safetensors", folder)), {
  file: "swin_tables",
}).tensors) {
  golden.set(name, { shape, data: Array.from(data as ArrayLike<number | bigint>, Number) });
}
const { tables, masks } = JSON.parse(readFileSync(new URL("config.json", folder), "utf8")) as {
  tables: { window_size: [number, number]; pretrained_window_size: [number, number] }[];
  masks: { padded_height: number; padded_width: number; window: number; shift: number }[];
};

test.each(
  tables.map((table, i) => ({ i, window: table.window_size[0], pretrained: table.pretrained_window_size[0] })),
)(
  "coordinateTable and relativePositionIndex: window $window, pre-trained with $pretrained, are the official ones",
  ({ i, window, pretrained }) => {
    const expected = golden.get(`${i}.relative_coords_table`)!;
    expectClose({ shape: expected.shape, data: coordinateTable(window, pretrained) }, expected);
    expect([...relativePositionIndex(window)]).toEqual(golden.get(`${i}.relative_position_index`)!.data);
  },
);

test("positionBias: is the official one", async () => {
  const { window_size, pretrained_window_size } = tables[0]!;
  const p = bindParameters(initWindowAttention(4, 2));
  const bias = positionBias(p, { heads: 2, window: window_size[0], pretrained: pretrained_window_size[0] });
  const weights = ["cpb_mlp.0.weight", "cpb_mlp.0.bias", "cpb_mlp.2.weight"];
  const feeds = Object.fromEntries(weights.map((name) => [name, golden.get(`0.${name}`)!]));
  const { y } = await evaluate({ y: bias }, feeds);
  expectClose(y!, golden.get("0.relative_position_bias")!);
});

test.each(masks.map((mask, i) => ({ i, ...mask })))(
  "windowLayout: the mask of $padded_height × $padded_width, window $window, shift $shift is the official one",
  ({ i, padded_height: height, padded_width: width, window, shift }) => {
    const { mask, count } = windowLayout({ height, width, window, shift });
    const expected = golden.get(`mask.${i}`)!;
    expect(expected.shape).toEqual([count, window ** 2, window ** 2]);
    expect([...mask!.patternOf].flatMap((pattern) => [...mask!.patterns[pattern]!])).toEqual(expected.data);
  },
);
