import { sameType } from "../broadcast.ts";
import { emit, type OpRule, scalar, type Tensor } from "../tensor.ts";
import { abs } from "./abs.ts";
import { add } from "./add.ts";
import { exp } from "./exp.ts";
import { log } from "./log.ts";
import { mul } from "./mul.ts";
import { relu } from "./relu.ts";
import { sigmoid } from "./sigmoid.ts";

/** ln(1 + eˣ), elementwise, for x of any size. */
export function softplus(x: Tensor): Tensor {
  return emit(rule, [x], {});
}

const rule: OpRule<readonly [x: Tensor]> = {
  // ONNX's own operator is twice as slow on the CPU.
  onnx: ["Softplus", Number.POSITIVE_INFINITY],
  type: sameType,
  decompose: ([x]) => add(relu(x), log(add(exp(mul(abs(x), scalar(-1))), scalar(1)))),
  // Of the whole and not of the parts, which have kinks at 0.
  grad: ({ inputs: [x], dy }) => [mul(dy, sigmoid(x))],
};
