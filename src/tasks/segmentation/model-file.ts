import { z } from "zod";
import { mapperFields } from "../maps/mapper-file.ts";
import { taskFile } from "../model-file.ts";
import type { SegmenterConfig } from "./head.ts";

const schema = z.object({
  ...mapperFields,
  head: z.object({ channels: z.int().positive(), auxiliary: z.int().positive(), dropout: z.number().min(0).max(1) }),
});

/** What a segmenter's file says of itself. */
export const segmenterFile = taskFile<SegmenterConfig>({ task: "segmentation", model: "segmenter", schema });
