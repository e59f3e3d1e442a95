import { z } from "zod";
import { type Annotation, badAnnotation } from "./annotation.ts";

const schema = z.looseObject({
  images: z.array(
    z.looseObject({
      id: z.union([z.int(), z.string()]),
      file_name: z.string(),
      width: z.number().positive().optional(),
      height: z.number().positive().optional(),
    }),
  ),
  annotations: z.array(
    z.looseObject({
      image_id: z.union([z.int(), z.string()]),
      category_id: z.int(),
      bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]),
      iscrowd: z.union([z.literal(0), z.literal(1), z.boolean()]).optional(),
      ignore: z.union([z.literal(0), z.literal(1), z.boolean()]).optional(),
    }),
  ),
  categories: z.array(z.looseObject({ id: z.int(), name: z.string() })).min(1),
});

/** Images of one COCO file, with the classes in the order of their ids. */
export interface CocoFile {
  classes: string[];
  images: (Annotation & { image: string })[];
}

/**
 * Read a COCO JSON of boxes (https://cocodataset.org/#format-data). Crowds become difficult objects.
 *
 * @throws SkySenseError `BAD_ANNOTATION`
 */
export function parseCoco(json: unknown, file: string): CocoFile {
  const parsed = schema.safeParse(json);
  if (!parsed.success) {
    const { path, message } = parsed.error.issues[0]!;
    throw badAnnotation(`${path.join(".")}: ${message}`, file);
  }
  const { images, annotations, categories } = parsed.data;
  const names = new Map(categories.map(({ id, name }) => [id, name]));
  const byImage = new Map(images.map(({ id }) => [id, [] as Annotation["objects"][number][]]));
  for (const [i, { image_id, category_id, bbox, iscrowd, ignore }] of annotations.entries()) {
    const objects = byImage.get(image_id);
    const name = names.get(category_id);
    if (objects === undefined) throw badAnnotation(`annotations.${i}: there is no image ${image_id}`, file);
    if (name === undefined) throw badAnnotation(`annotations.${i}: there is no category ${category_id}`, file);
    const [x, y, w, h] = bbox;
    objects.push({ name, corners: [x, y, x + w, y + h], difficult: Boolean(iscrowd) || Boolean(ignore) });
  }
  return {
    classes: categories.toSorted((a, b) => a.id - b.id).map(({ name }) => name),
    images: images.map(({ id, file_name, width, height }) => ({
      image: file_name,
      size: width === undefined || height === undefined ? undefined : [height, width],
      objects: byImage.get(id)!,
    })),
  };
}
