import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { relativeL2 } from "./support/arrays.ts";
import { cli, temporaryFolder } from "./support/cli.ts";

const golden = (name: string) => new URL(`../fixtures/golden/${name}`, import.meta.url).pathname;
const read = (file: string) => parseSafetensors(readFileSync(file), { file }).tensors;

const run = (name: string, out: string, config = golden(`${name}/config.json`)) =>
  cli(
    "forward",
    ...["--config", config],
    ...["--weights", golden(`${name}/model.safetensors`)],
    ...["--inputs", golden(`${name}/grads.safetensors`)],
    ...["--gradients", "--out", out],
  );

// A case of each class; their numbers to the last tensor are held by golden-gradients.test.ts.
test.each(["grad_swin", "grad_vit_resized", "grad_fusion", "grad_uphead", "grad_uperhead_train"])(
  "skysense forward --gradients: writes loss, outputs and every gradient of %s",
  async (name) => {
    const out = join(temporaryFolder(), "out.safetensors");
    const { code, stdout, stderr } = await run(name, out);
    expect(stderr).toBe("");
    expect(code).toBe(0);
    const expected = [...read(golden(`${name}/grads.safetensors`))].filter(([key]) => !/^(input|target)\./.test(key));
    const written = read(out);
    expect([...written.keys()].sort()).toEqual(expected.map(([key]) => key).sort());
    expect(stdout).toContain("loss [1]\n");
    for (const [key, { shape, data }] of expected) {
      expect(written.get(key)!.shape, key).toEqual(shape);
      // Key biases of softmax attention and unused tokens have a mathematically zero gradient.
      const size = Math.hypot(...(data as Float32Array));
      if (key.endsWith("in_proj_bias") || size < 1e-12) continue;
      expect(relativeL2(written.get(key)!.data as Float32Array, data as Float32Array), key).toBeLessThan(1e-4);
    }
  },
);

test("skysense forward --gradients: a mode that does not exist is refused", async () => {
  const folder = temporaryFolder();
  const config = { ...JSON.parse(readFileSync(golden("grad_uphead/config.json"), "utf8")), mode: "training" };
  writeFileSync(join(folder, "config.json"), JSON.stringify(config));
  const { code, stderr } = await run("grad_uphead", join(folder, "out"), join(folder, "config.json"));
  expect(code).toBe(2);
  expect(stderr).toContain('the configuration cannot be read: "mode" is neither "eval" nor "train"');
});
