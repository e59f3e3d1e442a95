import { execFileSync } from "node:child_process";
import { expect, test } from "vitest";

const script = new URL("../../test/support/training-memory.mjs", import.meta.url).pathname;

function measure(mode: "plain" | "recompute"): { bytes: number; lengths: Record<string, number> } {
  return JSON.parse(execFileSync(process.execPath, [script, mode], { encoding: "utf8" }));
}

test.skipIf(process.platform !== "linux")(
  "recompute: a training step of 12 transformer layers takes less than half the memory, and gives the same gradients",
  () => {
    const plain = measure("plain");
    const again = measure("recompute");
    console.log(
      `peak of a step: ${Math.round(plain.bytes / 2 ** 20)} MiB, recomputed ${Math.round(again.bytes / 2 ** 20)} MiB`,
    );
    expect(again.lengths).toEqual(plain.lengths);
    expect(again.bytes).toBeLessThan(plain.bytes / 2);
  },
);
