import type { Command } from "commander";
import { classify } from "../tasks/classification/classify.node.ts";
import { addSceneOptions, sceneOptions, whole } from "./scene-options.ts";

export function addPredict(program: Command): void {
  const group = program.command("predict").summary("use a trained model");
  const command = group
    .command("classification")
    .summary("name the scenes of images")
    .description("Name the scenes of images with a classifier that `skysense finetune classification` trained.")
    .argument("<images...>", "images, each a scene of its own")
    .requiredOption("--model <safetensors>", "what `skysense finetune classification` wrote")
    .option("--top <n>", "how many classes an image", whole, 3)
    .option("--json", "print JSON");
  addSceneOptions(command).action(async (images: string[], options, self: Command) => {
    const { signal } = self.optsWithGlobals();
    const { images: results, failures } = await classify({
      model: options.model,
      images,
      scene: sceneOptions(options),
      top: options.top,
      signal,
    });
    for (const { id, reason } of failures) console.error(`warning: ${id} was left out: ${reason}`);
    if (options.json) console.log(JSON.stringify(results, null, 2));
    else {
      for (const { image, classes } of results) {
        console.log(
          `${image}: ${classes.map(({ name, probability }) => `${name} ${(100 * probability).toFixed(1)} %`).join(", ")}`,
        );
      }
    }
  });
}
