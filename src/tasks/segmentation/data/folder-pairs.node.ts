import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join, sep } from "node:path";
import { SkySenseError } from "../../../core/error.ts";
import { type OnFault, refuse } from "../../../core/faults.ts";
import { splitOfPath } from "../../../evaluate/split-of-path.ts";
import type { MaskItem } from "./mask-set.ts";

/** What folders of images and the folders of their masks are called. */
const pairs = [
  ["images", "masks"],
  ["images", "labels"],
  ["images", "annotations"],
  ["images_png", "masks_png"],
  ["img_dir", "ann_dir"],
  ["image", "mask"],
  ["image", "label"],
  ["imgs", "masks"],
  ["images", "gt"],
  // iSAID as it is downloaded, and ISPRS Potsdam.
  ["images", "Semantic_masks/images"],
  ["2_Ortho_RGB", "5_Labels_all"],
  ["2_Ortho_RGB", "5_Labels_for_participants"],
  ["2_Ortho_RGB", "5_Labels"],
] as const;

const pictures = /\.(png|jpe?g|webp|tiff?|jp2|bmp)$/i;
/** Endings by which sets tell images and masks of one name apart. */
const endings = /_(instance_color_RGB|labels?|mask|gt|noBoundary|RGBIR|IRRG|RGB|sat|image|img)$/i;

/**
 * Images and masks of one name in folders beside each other.
 *
 * @param options.images, options.masks  Folders below `path`, where one `*` stands for the same name in both; default:
 *   the usual names, anywhere below `path`.
 * @throws SkySenseError `NO_PAIRS` | `NO_MASK`
 */
export async function pairFolders(
  path: string,
  {
    images,
    masks,
    onFault = refuse,
  }: { images?: string | undefined; masks?: string | undefined; onFault?: OnFault | undefined },
): Promise<MaskItem[]> {
  const files = (await readdir(path, { recursive: true }))
    .filter((file) => pictures.test(file) && !basename(file).startsWith("."))
    .map((file) => file.split(sep).join("/"))
    .sort();
  const byFolder = groupByFolder(files);
  const counterpart =
    images === undefined || masks === undefined ? usualCounterpart(byFolder) : givenCounterpart(images, masks);
  const items: MaskItem[] = [];
  for (const [folder, found] of byFolder) {
    const other = counterpart(folder);
    const labels = other === undefined ? undefined : byFolder.get(other);
    if (other === undefined || labels === undefined) continue;
    const byName = new Map(labels.map((file) => [nameOf(file), file]));
    for (const image of found) {
      const mask = byName.get(nameOf(image));
      if (mask === undefined) onFault(noMask(join(path, image), join(path, other)));
      else items.push({ id: image, image: join(path, image), mask: join(path, mask), split: splitOfPath(image) });
    }
  }
  if (items.length === 0) {
    throw new SkySenseError({
      code: "NO_PAIRS",
      what: "there are no images beside masks of the same names here",
      where: path,
      remedy: "Call their folders images and masks, or name them by --images and --masks.",
    });
  }
  return items;
}

/** Whether some folder of these files is called as folders of images are, and has one of masks beside it. */
export function hasPairs(files: readonly string[]): boolean {
  const folders = groupByFolder(files.filter((file) => pictures.test(file)));
  const counterpart = usualCounterpart(folders);
  return [...folders.keys()].some((folder) => counterpart(folder) !== undefined);
}

function groupByFolder(files: readonly string[]): Map<string, string[]> {
  const byFolder = new Map<string, string[]>();
  for (const file of files) {
    const folder = dirname(file);
    if (!byFolder.has(folder)) byFolder.set(folder, []);
    byFolder.get(folder)!.push(file);
  }
  return byFolder;
}

function nameOf(file: string): string {
  return basename(file, extname(file)).replace(endings, "");
}

/** The folder of the masks, where a part of the path is called as folders of images are. */
function usualCounterpart(folders: ReadonlyMap<string, unknown>): (folder: string) => string | undefined {
  return (folder) => {
    const parts = folder.split("/");
    for (const [of, to] of pairs) {
      const at = parts.indexOf(of);
      const other = parts.with(Math.max(at, 0), to).join("/");
      if (at >= 0 && folders.has(other)) return other;
    }
    return undefined;
  };
}

function givenCounterpart(images: string, masks: string): (folder: string) => string | undefined {
  const clean = (pattern: string) => pattern.replace(/^\.\/|\/$/g, "");
  const [before = "", after] = clean(images).split("*");
  return (folder) => {
    if (after === undefined) return folder === before ? clean(masks) : undefined;
    const star = folder.slice(before.length, folder.length - after.length);
    const fits = folder === before + star + after && star !== "" && !star.includes("/");
    return fits ? clean(masks).replace("*", star) : undefined;
  };
}

function noMask(image: string, folder: string): SkySenseError {
  return new SkySenseError({
    code: "NO_MASK",
    what: `the image has no mask of its name in ${folder}`,
    where: image,
    remedy: "Add the mask, or take the image out of the folder.",
  });
}
