import type { Command } from "commander";
import { runModule } from "../embed/run-module.node.ts";
import { deviceOption } from "./options.ts";

export function addForward(program: Command): void {
  program
    .command("forward")
    .summary("run one official module on tensors from a file")
    .description(
      "Run one module of the official model (SwinTransformerV2, VisionTransformer, TransformerEncoder, UPHead or " +
        "SkySense) on tensors from a file, and write every output and intermediate.",
    )
    .requiredOption("--config <json>", 'the module: {"class_", "constructor"} with the official arguments')
    .requiredOption("--weights <safetensors>", "its weights under the official names")
    .requiredOption("--inputs <safetensors>", 'its inputs: "input", "<tag>.input"; hr_img, s2_img, s2_ct, s1_img')
    .requiredOption("--out <safetensors>", "file to write")
    .addOption(deviceOption("cpu"))
    .action(async (options, command: Command) => {
      const written = await runModule({ ...options, signal: command.optsWithGlobals().signal });
      for (const { name, shape } of written) console.log(`${name} [${shape.join(", ")}]`);
    });
}
