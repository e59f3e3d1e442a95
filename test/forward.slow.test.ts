import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { relativeL2 } from "./support/arrays.ts";
import { startCli, temporaryFolder } from "./support/cli.ts";
import { tolerance } from "./support/tolerance.ts";
import { webGpuEnv } from "./support/webgpu.ts";

/** `skysense forward`, files in and file out. All golden cases, in one process, are in golden.test.ts. */

const golden = (path: string) => new URL(`../fixtures/golden/${path}`, import.meta.url).pathname;
const read = (file: string) => parseSafetensors(readFileSync(file), { file }).tensors;

/** A case of each class, what its outputs are called, and how near they must be. */
const cases = [
  ["SwinTransformerV2", "swin_shift_eq_window", tolerance.cosine],
  ["VisionTransformer", "vit_cls_out", tolerance.model],
  ["TransformerEncoder", "fusion_eps6_two", tolerance.model],
  ["UPHead", "uphead_x2_x3", tolerance.model],
  ["SkySense", "skysense_no_ctpe", tolerance.cosine],
  ["UPerHead", "uperhead_align", tolerance.cosine],
  ["FCNHead", "fcnhead_concat", tolerance.cosine],
  ["EncoderDecoder", "upernet_tiny", tolerance.cosine],
] as const;

/** What a class is given, and what the file of `upernet_tiny` holds besides for its loss. */
const notWritten = /(^|\.)(input(\.\d+)?|image|label|loss|grad\..*|(hr|s2|s1)_img|s2_ct)$/;

async function checkForward(name: string, { device, bound }: { device: string; bound: number }, env = {}) {
  const out = join(temporaryFolder(), "out.safetensors");
  const args = ["forward", "--config", golden(`${name}/config.json`), "--device", device, "--out", out];
  args.push("--weights", golden(`${name}/model.safetensors`), "--inputs", golden(`${name}/io.safetensors`));
  const { code, stdout, stderr } = await startCli(args, { env }).finished;
  expect(code, stderr).toBe(0);
  const expected = [...read(golden(`${name}/io.safetensors`))].filter(([key]) => !notWritten.test(key));
  expect(expected.length).toBeGreaterThan(0);
  const written = read(out);
  for (const [key, { shape, data }] of expected) {
    const got = written.get(key);
    expect(got?.shape, key).toEqual(shape);
    expect(stdout).toContain(`${key} [${shape.join(", ")}]\n`);
    if (data instanceof BigInt64Array) expect(got!.data, key).toEqual(data);
    else expect(relativeL2(got!.data as Float32Array, data as Float32Array), key).toBeLessThan(bound);
  }
}

test.each(cases)("skysense forward: %s equals the official outputs and intermediates of %s", (_, name, bound) =>
  checkForward(name, { device: "cpu", bound }),
);

describe.skipIf(webGpuEnv === undefined)("on WebGPU", () => {
  test.each(cases)("skysense forward --device webgpu: %s equals the official numbers of %s", (_, name, bound) =>
    checkForward(name, { device: "webgpu", bound }, webGpuEnv),
  );
});
