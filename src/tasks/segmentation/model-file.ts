import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { SkySenseError } from "../../core/error.ts";
import type { SegmenterConfig } from "./head.ts";

const key = "skysense.segmenter";

const schema = z.object({
  model: configSchema,
  sensor: z.enum(["hr", "s2", "s1"]),
  bands: z.array(z.int().min(0)).min(1),
  size: z.int().positive().max(8192),
  classes: z
    .array(z.object({ name: z.string(), colour: z.string().regex(/^#[0-9a-f]{6}$/i) }))
    .min(2)
    .max(254),
  head: z.object({ channels: z.int().positive(), auxiliary: z.int().positive(), dropout: z.number().min(0).max(1) }),
  adapters: z.object({ rank: z.int().positive(), alpha: z.number().positive() }).optional(),
});

/** What a segmenter's file says of itself, in its metadata. */
export function writeSegmenterConfig(config: SegmenterConfig): Record<string, string> {
  return { [key]: JSON.stringify(config) };
}

/** @throws SkySenseError `NO_CONFIG` */
export function readSegmenterConfig(
  metadata: Readonly<Record<string, string>>,
  { file }: { file: string },
): SegmenterConfig {
  try {
    return schema.parse(JSON.parse(metadata[key]!)) as SegmenterConfig;
  } catch (cause) {
    throw new SkySenseError({
      code: "NO_CONFIG",
      what: "the file is not a segmenter",
      where: file,
      remedy: "Give the model.safetensors that `skysense finetune segmentation` wrote.",
      cause,
    });
  }
}
