import { sameType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { add } from "./add.ts";
import { div } from "./div.ts";
import { erf } from "./erf.ts";
import { exp } from "./exp.ts";
import { mul } from "./mul.ts";

/** Exact GELU, x · Φ(x) = x/2 · (1 + erf(x/√2)) (Hendrycks & Gimpel 2016, arXiv:1606.08415). */
export function gelu(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  onnx: ["Gelu", 20],
  type: sameType,
  // In the form and order that ONNX Runtime recognises and runs as one operator.
  decompose: ([x]) => mul(mul(x, add(erf(div(x, scalar(Math.SQRT2))), scalar(1))), scalar(0.5)),
  // Φ(x) + x·φ(x)
  grad: ({ inputs: [x], dy }) => {
    const cumulative = mul(add(erf(mul(x, scalar(Math.SQRT1_2))), scalar(1)), scalar(0.5));
    const density = mul(exp(mul(mul(x, x), scalar(-0.5))), scalar(1 / Math.sqrt(2 * Math.PI)));
    return [mul(dy, add(cumulative, mul(x, density)))];
  },
};
