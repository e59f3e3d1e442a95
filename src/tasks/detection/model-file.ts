import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { adapterSchema, taskFile } from "../model-file.ts";
import type { DetectorConfig } from "./head.ts";

const schema = z.object({
  model: configSchema,
  size: z.int().positive().max(8192),
  classes: z.array(z.string()).min(1),
  oriented: z.boolean().default(false),
  head: z.object({ channels: z.int().positive(), width: z.int().positive() }),
  anchorScale: z.number().positive(),
  adapters: adapterSchema.optional(),
});

/** What a detector's file says of itself. */
export const detectorFile = taskFile<DetectorConfig>({ task: "detection", model: "detector", schema });
