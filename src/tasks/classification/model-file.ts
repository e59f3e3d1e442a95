import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { adapterSchema, taskFile } from "../model-file.ts";
import type { ClassifierConfig } from "./head.ts";

const schema = z.object({
  model: configSchema,
  sensor: z.enum(["hr", "s2", "s1"]),
  bands: z.array(z.int().min(0)).min(1),
  size: z.int().positive().max(8192),
  classes: z.array(z.string()).min(1),
  multiLabel: z.boolean(),
  adapters: adapterSchema.optional(),
});

/** What a classifier's file says of itself. */
export const classifierFile = taskFile<ClassifierConfig>({ task: "classification", model: "classifier", schema });
