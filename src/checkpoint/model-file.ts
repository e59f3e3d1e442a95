import { SkySenseError } from "../core/error.ts";
import type { SkySenseConfig } from "../model/skysense.ts";

/** What a model file says of itself, in the metadata of a `.safetensors` file. */
export interface ModelFileInfo {
  name: string;
  config: SkySenseConfig;
  /** False: random weights. */
  trained: boolean;
}

/** Metadata that {@link readConfig} understands. */
export function writeConfig({ name, config, trained }: ModelFileInfo): Record<string, string> {
  return { "skysense.name": name, "skysense.config": JSON.stringify(config), "skysense.trained": String(trained) };
}

/** @throws SkySenseError `NO_CONFIG` where the file was written by other software. */
export function readConfig(metadata: Readonly<Record<string, string>>, { file }: { file: string }): ModelFileInfo {
  try {
    const config = JSON.parse(metadata["skysense.config"]!) as SkySenseConfig;
    return { name: metadata["skysense.name"] ?? file, config, trained: metadata["skysense.trained"] === "true" };
  } catch (cause) {
    throw new SkySenseError({
      code: "NO_CONFIG",
      what: "the file holds tensors, and not the configuration of the model that they are for",
      where: file,
      remedy: "Use a file that this software wrote; single modules run with `skysense forward`.",
      cause,
    });
  }
}
