import type { Command } from "commander";
import { modelConfig } from "../embed/load-model.node.ts";
import { sceneNeeds } from "../embed/scene-needs.ts";
import { describe } from "../imagery/scene/describe.ts";
import { formatDescription } from "../imagery/scene/format-description.ts";
import { openScene } from "../imagery/scene/open-scene.node.ts";
import { addSceneOptions, sceneOptions } from "./scene-options.ts";

export function addInspect(program: Command): void {
  const command = program
    .command("inspect")
    .summary("say what the model would see, without running it")
    .description(
      "Say how files are understood: sensor, bands, unit, dates, masks, and each band's range for the model.",
    )
    .argument("<files...>", "images of one place; paths or URLs")
    .option("--model <model>", "for which model", "nano")
    .option("--json", "print JSON");
  addSceneOptions(command).action(async (files: string[], options, self: Command) => {
    const { signal } = self.optsWithGlobals();
    const scene = await openScene(files, {
      ...sceneOptions(options),
      ...sceneNeeds(modelConfig(options.model)),
      signal,
    });
    try {
      const described = await describe(scene, { signal });
      console.log(options.json ? JSON.stringify(described, null, 2) : formatDescription(described));
    } finally {
      await scene.close();
    }
  });
}
