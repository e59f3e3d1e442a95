import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { kernelBytes } from "./kernels.ts";

const compile = () =>
  spawnSync("wat2wasm", [fileURLToPath(new URL("kernels.wat", import.meta.url)), "--output=-"], { maxBuffer: 1e6 });
const missing = compile().error !== undefined;

test.skipIf(missing)("kernels: the bytes are those that WABT makes of kernels.wat", () => {
  const { stdout, stderr } = compile();
  expect(stderr.toString()).toBe("");
  expect(stdout.toString("base64")).toBe(kernelBytes);
});
