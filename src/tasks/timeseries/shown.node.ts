import { type PlaceSource, readPlaceSource } from "../../imagery/scene/place-source.node.ts";
import { enlarged } from "../../report/picture.ts";
import { thumbnailPng } from "../../report/thumbnail.node.ts";
import { chooseImages, type ImageChoice } from "./choose-images.ts";
import { clearest } from "./clearest.ts";

const side = 128;

/** A place as a small PNG. */
export async function readShown(source: PlaceSource, choice: ImageChoice): Promise<Uint8Array> {
  const { picture } = clearest(chooseImages(await readPlaceSource(source), choice));
  return thumbnailPng(enlarged(picture, Math.max(1, Math.floor(side / picture.width))), { side });
}
