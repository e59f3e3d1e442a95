import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { adapterSchema } from "../model-file.ts";

/** What the file of every model that gives pixels classes says of it, see `MapperConfig`. */
export const mapperFields = {
  model: configSchema,
  sensor: z.enum(["hr", "s2", "s1"]),
  bands: z.array(z.int().min(0)).min(1),
  size: z.int().positive().max(8192),
  classes: z
    .array(z.object({ name: z.string(), colour: z.string().regex(/^#[0-9a-f]{6}$/i) }))
    .min(2)
    .max(254),
  adapters: adapterSchema.optional(),
};
