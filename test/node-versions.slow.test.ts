import { execFile } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { parseSafetensors } from "../src/core/safetensors.ts";
import { relativeL2 } from "./support/arrays.ts";
import { tolerance } from "./support/tolerance.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const golden = join(root, "fixtures/golden/vit_basic");

/** Run another Node with `args`. npm's `node` package gets its binary in an install script, which .npmrc switches off. */
async function runNode(version: number, args: readonly string[]): Promise<string> {
  const command = ["--yes", "--ignore-scripts=false", `node@${version}`, ...args];
  const { stdout } = await promisify(execFile)("npx", command, { cwd: root, timeout: 300_000 });
  return stdout;
}

function readFloats(file: string, name: string): Float32Array {
  return parseSafetensors(readFileSync(file), { file }).tensors.get(name)!.data as Float32Array;
}

test.each([22, 24])("Node %i: the command line computes a golden case and embeds an image", async (version) => {
  expect(await runNode(version, ["--version"])).toMatch(`v${version}.`);
  const folder = mkdtempSync(join(tmpdir(), "skysense-node-"));
  try {
    const image = "node_modules/three-globe/example/img/earth-day.jpg";
    await runNode(version, [
      "dist/cli/main.node.js",
      "embed",
      image,
      "--model",
      "tiny",
      "--out",
      join(folder, "embed"),
    ]);
    expect(readdirSync(join(folder, "embed"))).toContain("embeddings.parquet");

    const out = join(folder, "out.safetensors");
    const files = { config: "config.json", weights: "model.safetensors", inputs: "io.safetensors" };
    const options = Object.entries(files).flatMap(([option, name]) => [`--${option}`, join(golden, name)]);
    await runNode(version, ["dist/cli/main.node.js", "forward", ...options, "--out", out]);
    const expected = readFloats(join(golden, "io.safetensors"), "native.out.0");
    expect(relativeL2(readFloats(out, "native.out.0"), expected)).toBeLessThan(tolerance.model);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
