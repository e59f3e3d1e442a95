import { expect, test } from "vitest";
import { minimise } from "./minimise.ts";

test("minimise: a badly scaled quadratic function, to its minimum", () => {
  const scale = [1, 1e-3, 1e4, 7];
  const at = [3, -50, 0.01, 2];
  const x = new Float64Array(4);
  const { converged, value } = minimise(
    (p, gradient) => {
      let sum = 0;
      for (const [i, s] of scale.entries()) {
        gradient[i] = s * (p[i]! - at[i]!);
        sum += 0.5 * s * (p[i]! - at[i]!) ** 2;
      }
      return sum;
    },
    x,
    { tolerance: 1e-9 },
  );
  expect(converged).toBe(true);
  expect(value).toBeLessThan(1e-12);
  for (const [i, v] of at.entries()) expect(x[i]).toBeCloseTo(v, 5);
});

test("minimise: a function without a minimum ends and says that it did not converge", () => {
  const result = minimise(
    (x, gradient) => {
      gradient[0] = -1;
      return -x[0]!;
    },
    new Float64Array(1),
    { maxIterations: 5 },
  );
  expect(result).toMatchObject({ converged: false, iterations: 5 });
});
