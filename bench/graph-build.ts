/**
 * Seconds that the graph of the largest model takes: `huge` with all three sensors, built and serialised. It should
 * stay under one. Prints the first and the best of five.
 */

import { toOnnx } from "../src/graph/onnx.ts";
import { reshape } from "../src/graph/ops/reshape.ts";
import { input } from "../src/graph/tensor.ts";
import { bindParameters, type ParameterTree } from "../src/model/parameters.ts";
import { presets } from "../src/model/presets.ts";
import { encodeHr, encodeSentinel, fuse, initSkySense, type SkySenseParams } from "../src/model/skysense.ts";

const config = presets.huge;
const cells = 256;
const grid = (images: number) => [1, images, cells, config.fusion.inputWidth];

function build(): number {
  const p = bindParameters(initSkySense(config) as ParameterTree) as unknown as SkySenseParams;
  const hr = encodeHr(p.backbone_hr!, input("hr", [1, 3, 512, 512]), config.hr!);
  const sentinel = (sensor: "s2" | "s1", bands: number) => {
    const parameters = { backbone: p[`backbone_${sensor}`]!, head: p[`head_${sensor}`]! };
    return encodeSentinel(parameters, input(sensor, [4, bands, 16, 16]), config[sensor]!).feature;
  };
  const features = {
    hr: reshape(hr.x, grid(1)),
    s2: reshape(sentinel("s2", 10).x, grid(4)),
    s1: reshape(sentinel("s1", 2).x, grid(4)),
  };
  return toOnnx({ fused: fuse(p, features, config, { days: { s2: input("days", [1, 4], "int64") } }) }).bytes.length;
}

const seconds = Array.from({ length: 5 }, () => {
  const began = performance.now();
  build();
  return (performance.now() - began) / 1000;
});
console.log(
  `huge, three sensors, ${(build() / 2 ** 20).toFixed(1)} MiB: first ${seconds[0]!.toFixed(2)} s, best ${Math.min(...seconds).toFixed(2)} s`,
);
