import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { SkySenseError } from "../../core/error.ts";
import type { ClassifierConfig } from "./head.ts";

const key = "skysense.classifier";

const schema = z.object({
  model: configSchema,
  sensor: z.enum(["hr", "s2", "s1"]),
  bands: z.array(z.int().min(0)).min(1),
  size: z.int().positive().max(8192),
  classes: z.array(z.string()).min(1),
  multiLabel: z.boolean(),
});

/** What a classifier's file says of itself, in its metadata. */
export function writeClassifierConfig(config: ClassifierConfig): Record<string, string> {
  return { [key]: JSON.stringify(config) };
}

/** @throws SkySenseError `NO_CONFIG` */
export function readClassifierConfig(
  metadata: Readonly<Record<string, string>>,
  { file }: { file: string },
): ClassifierConfig {
  try {
    return schema.parse(JSON.parse(metadata[key]!)) as ClassifierConfig;
  } catch (cause) {
    throw new SkySenseError({
      code: "NO_CONFIG",
      what: "the file is not a classifier",
      where: file,
      remedy: "Give the model.safetensors that `skysense finetune classification` wrote.",
      cause,
    });
  }
}
