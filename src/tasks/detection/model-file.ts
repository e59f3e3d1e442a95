import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { SkySenseError } from "../../core/error.ts";
import type { DetectorConfig } from "./head.ts";

const key = "skysense.detector";

const schema = z.object({
  model: configSchema,
  size: z.int().positive().max(8192),
  classes: z.array(z.string()).min(1),
  oriented: z.boolean().default(false),
  head: z.object({ channels: z.int().positive(), width: z.int().positive() }),
  anchorScale: z.number().positive(),
  adapters: z.object({ rank: z.int().positive(), alpha: z.number().positive() }).optional(),
});

/** What a detector's file says of itself, in its metadata. */
export function writeDetectorConfig(config: DetectorConfig): Record<string, string> {
  return { [key]: JSON.stringify(config) };
}

/** @throws SkySenseError `NO_CONFIG` */
export function readDetectorConfig(
  metadata: Readonly<Record<string, string>>,
  { file }: { file: string },
): DetectorConfig {
  try {
    return schema.parse(JSON.parse(metadata[key]!)) as DetectorConfig;
  } catch (cause) {
    throw new SkySenseError({
      code: "NO_CONFIG",
      what: "the file is not a detector",
      where: file,
      remedy: "Give the model.safetensors that `skysense finetune detection` wrote.",
      cause,
    });
  }
}
