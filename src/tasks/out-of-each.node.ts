import { basename, extname, join } from "node:path";
import { SkySenseError } from "../core/error.ts";

/**
 * Where what is written of each image begins: `OUT/NAME`, with the image's name without its ending.
 * @throws SkySenseError `SAME_NAME`: one image would overwrite what another one gave
 */
export function outOfEach(images: readonly string[], out: string): string[] {
  const outs = images.map((image) => join(out, basename(image, extname(image))));
  const twice = outs.find((one, i) => outs.indexOf(one) < i);
  if (twice === undefined) return outs;
  throw new SkySenseError({
    code: "SAME_NAME",
    what: "what two images of one name give would be written to one place",
    where: twice,
    remedy: "Run them one by one, each with its own --out.",
  });
}
