import { expect, test } from "vitest";
import { curveOf, trainingSections } from "./training.ts";

test("curveOf: a long run is drawn by the means of its stretches, from its first step to its last", () => {
  const steps = Array.from({ length: 5000 }, (_, i) => ({ step: i + 1, loss: i % 5 }));
  const { points } = curveOf("Loss", steps, ({ loss }) => loss);
  expect(points.length).toBeLessThanOrEqual(500);
  expect([points[0]![0], points.at(-1)![0]]).toEqual([1, 5000]);
  for (const [, value] of points) expect(Math.abs(value - 2)).toBeLessThan(0.3);
  expect(curveOf("Loss", [], () => 0).points).toEqual([]);
});

test("trainingSections: draws every loss and the learning rate, and lists the settings", () => {
  const steps = [1, 2].map((step) => ({ step, loss: 1 / step, lr: 0.1 }));
  const { markup } = trainingSections({
    settings: { mode: "lora", scale: [0.5, 2] },
    steps,
    losses: { Loss: ({ loss }) => loss, "of <nothing>": () => undefined },
  });
  for (const text of ["Loss", "of &lt;nothing&gt;", "Learning rate", "lora", "0.5,2"]) expect(markup).toContain(text);
});
