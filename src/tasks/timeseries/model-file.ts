import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { sensorNames } from "../../core/place.ts";
import { taskFile } from "../model-file.ts";
import { answers, type SeriesConfig } from "./head.ts";

const schema = z.object({
  model: configSchema,
  sensors: z.array(z.enum(sensorNames)).min(1),
  dates: z.int().positive(),
  size: z.int().positive().max(1024),
  answer: z.enum(answers),
  classes: z.array(z.object({ name: z.string(), colour: z.string().regex(/^#[0-9a-f]{6}$/i) })).min(2),
  channels: z.int().positive(),
  adapters: z.object({ rank: z.int().positive(), alpha: z.number().positive() }).optional(),
});

/** What the file of a model of dated places says of itself. */
export const seriesFile = taskFile<SeriesConfig>({ task: "timeseries", model: "timeseries model", schema });
