import { type RunModuleOptions, runGraphOfModule } from "../embed/run-module.node.ts";
import { gradientGraph } from "./module-gradients.ts";

/**
 * Differentiate one official module on tensors from a file: `input.*` and `target.*` in; out `loss`, `output.*`,
 * `grad.<parameter>` for every parameter, `grad_input.*`, and `after.<buffer>` where the configuration's `mode` is train.
 *
 * @returns Names and shapes of what was written.
 * @throws SkySenseError as {@link runGraphOfModule} does
 */
export async function runModuleGradients(options: RunModuleOptions) {
  return runGraphOfModule(options, gradientGraph);
}
