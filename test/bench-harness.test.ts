import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test, vi } from "vitest";
import { compareRuns, Ratios } from "../bench/harness.ts";

const folder = mkdtempSync(join(tmpdir(), "skysense-"));
afterAll(() => rmSync(folder, { recursive: true }));
const file = join(folder, "baseline.json");
vi.spyOn(console, "log").mockImplementation(() => {});

/** One benchmark program that measured these ratios. */
function program(ratios: Record<string, number>, { write = false } = {}): string[] {
  const collected = new Ratios({ file, write });
  for (const [name, ratio] of Object.entries(ratios)) collected.add(name, { aMs: 1, bMs: ratio, ratio });
  return collected.finish();
}
const recorded = () => JSON.parse(readFileSync(file, "utf8")).ratios;

test("Ratios: new names are recorded, a fall of more than a fifth is a fault, a new record needs --write", () => {
  expect(program({ gemm: 1, block: 0.9 })).toEqual([]);
  expect(program({ gemm: 0.81, other: 2 })).toEqual([]);
  expect(program({ gemm: 0.79, block: 1.5 })).toEqual([expect.stringMatching(/^gemm: 0\.79, recorded 1\.00 \(/)]);
  expect(recorded()).toEqual({ block: 0.9, gemm: 1, other: 2 });
  expect(program({ gemm: 0.5 }, { write: true })).toEqual([]);
  expect(recorded()).toEqual({ block: 0.9, gemm: 0.5, other: 2 });
});

test("compareRuns: runs both in turns, warm-ups included, and gives minima and their ratio", async () => {
  const order: string[] = [];
  const { aMs, bMs, ratio } = await compareRuns({
    a: () => order.push("a"),
    b: async () => {
      order.push("b");
      await new Promise((resolve) => setTimeout(resolve, 5));
    },
    rounds: 3,
    warmups: 1,
  });
  expect(order.join("")).toBe("abababab");
  expect(bMs).toBeGreaterThan(4);
  expect(ratio).toBeCloseTo(bMs / aMs);
});
