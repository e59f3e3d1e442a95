import { z } from "zod";
import { configSchema } from "../../checkpoint/model-file.ts";
import { sensorNames } from "../../core/place.ts";
import { mapperFields } from "../maps/mapper-file.ts";
import { adapterSchema, taskFile } from "../model-file.ts";
import { answers, type SeriesConfig } from "./head.ts";

const schema = z.object({
  model: configSchema,
  sensors: z.array(z.enum(sensorNames)).min(1),
  dates: z.int().positive(),
  size: z.int().positive().max(1024),
  answer: z.enum(answers),
  classes: mapperFields.classes,
  channels: z.int().positive(),
  adapters: adapterSchema.optional(),
});

/** What the file of a model of dated places says of itself. */
export const seriesFile = taskFile<SeriesConfig>({ task: "timeseries", model: "timeseries model", schema });
