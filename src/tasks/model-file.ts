import { z } from "zod";
import { SkySenseError } from "../core/error.ts";

/** Of `LoraOptions`. */
export const adapterSchema = z.object({ rank: z.int().positive(), alpha: z.number().positive() });

/** How a task's model file tells what it is, in the metadata of a `.safetensors` file. */
export interface TaskFile<Config> {
  write(config: Config): Record<string, string>;
  /** @throws SkySenseError `NO_CONFIG`: it is no model of this task */
  read(metadata: Readonly<Record<string, string>>, options: { file: string }): Config;
}

/**
 * @param options.task  As the command calls it: "segmentation".
 * @param options.model  What the file is: "segmenter"; its key in the metadata.
 */
export function taskFile<Config>({
  task,
  model,
  schema,
}: {
  task: string;
  model: string;
  schema: z.ZodType;
}): TaskFile<Config> {
  const key = `skysense.${model}`;
  return {
    write: (config) => ({ [key]: JSON.stringify(config) }),
    read(metadata, { file }) {
      try {
        return schema.parse(JSON.parse(metadata[key]!)) as Config;
      } catch (cause) {
        throw new SkySenseError({
          code: "NO_CONFIG",
          what: `the file is not a ${model}`,
          where: file,
          remedy: `Give the model.safetensors that \`skysense finetune ${task}\` wrote.`,
          cause,
        });
      }
    },
  };
}
