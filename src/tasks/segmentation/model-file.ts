import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { adapterSchema, taskFile } from "../model-file.ts";
import type { SegmenterConfig } from "./head.ts";

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
  adapters: adapterSchema.optional(),
});

/** What a segmenter's file says of itself. */
export const segmenterFile = taskFile<SegmenterConfig>({ task: "segmentation", model: "segmenter", schema });
