import type { Command } from "commander";
import { runModule } from "../embed/run-module.node.ts";
import { runModuleGradients } from "../train/run-module-gradients.node.ts";
import { deviceOption } from "./options.ts";

export function addForward(program: Command): void {
  program
    .command("forward")
    .summary("run one official module on tensors from a file")
    .description(
      "Run one module of the official model (an encoder, UPHead, SkySense, a head, EncoderDecoder, FasterRCNN …) or " +
        "the box arithmetic of detection on tensors from a file, and write every output and intermediate.",
    )
    .requiredOption("--config <json>", 'the module: {"class_", "constructor"} with the official arguments')
    .option("--weights <safetensors>", "its weights under the official names, if it has any")
    .requiredOption(
      "--inputs <safetensors>",
      'its inputs: "input", "<tag>.input"; hr_img, s2_img, s2_ct, s1_img; "input.<level>"; "image"',
    )
    .requiredOption("--out <safetensors>", "file to write")
    .option("--gradients", 'write loss, grad.* and grad_input.*: the inputs are "input.<name>" and "target.<output>"')
    .addOption(deviceOption("cpu"))
    .action(async ({ gradients, ...options }, command: Command) => {
      const run = gradients ? runModuleGradients : runModule;
      const written = await run({ ...options, signal: command.optsWithGlobals().signal });
      for (const { name, shape } of written) console.log(`${name} [${shape.join(", ")}]`);
    });
}
