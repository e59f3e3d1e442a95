import { z } from "zod";
import { mapperFields } from "../maps/mapper-file.ts";
import { taskFile } from "../model-file.ts";
import { type ChangeConfig, changeHeads } from "./head.ts";

const schema = z.object({
  ...mapperFields,
  head: z.object({ kind: z.enum(changeHeads), channels: z.int().positive() }),
});

/** What a change detector's file says of itself. */
export const changeFile = taskFile<ChangeConfig>({ task: "change", model: "change detector", schema });
