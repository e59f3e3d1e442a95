import { SkySenseError } from "../../core/error.ts";
import { burnShape, type LabelledShape } from "../../imagery/vector/rasterise.ts";

/** What counts for nothing, in every label map. */
export const ignoredLabel = 255;

/** A class for every pixel: [height, width], classes counted from 0, {@link ignoredLabel} where there is none. */
export interface LabelMap {
  data: Uint8Array;
  height: number;
  width: number;
}

/** What the values of a mask mean, as plain data. */
export interface LabelCoding {
  /** Of masks with one band. */
  values: readonly (readonly [value: number, label: number])[];
  /** Of masks in colours, 0xRRGGBB. */
  colours: readonly (readonly [colour: number, label: number])[];
  /** Of masks with a band for each class, which is not 0 where the class is: the label of each band. */
  planes?: readonly number[];
}

/** A mask in a file. */
export interface LabelMapFile {
  file: string;
  coding: LabelCoding;
  /** Counted from 0, where the file has several bands of which one holds the classes. Default: one band, or colours. */
  band?: number | undefined;
}

/** Labels drawn as shapes, in pixels of their image. */
export interface LabelShapes {
  /** Where they come from, for messages. */
  file: string;
  width: number;
  height: number;
  /** Later ones lie above earlier ones. */
  shapes: readonly LabelledShape[];
  /** What lies in none: a label, or {@link ignoredLabel}. */
  elsewhere: number;
}

/** What the labels of an image are read from. */
export type LabelSource = LabelMapFile | LabelShapes;

/** Fill shapes: a pixel is of the last one that its centre lies in. */
export function drawLabels({ width, height, shapes, elsewhere }: LabelShapes): LabelMap {
  const data = new Uint8Array(width * height).fill(elsewhere);
  for (const shape of shapes) burnShape(data, { width, height }, shape);
  return { data, width, height };
}

/** How many pixels each class has, and how many have none. */
export function countLabels({ data }: LabelMap, classes: number): { counts: number[]; unlabelled: number } {
  const counts = new Array<number>(256).fill(0);
  for (const label of data) counts[label]!++;
  return { counts: counts.slice(0, classes), unlabelled: counts[ignoredLabel]! };
}

/** A mask as it is decoded. */
export interface MaskPixels {
  /** [bands, height, width]. */
  data: ArrayLike<number>;
  bands: number;
  height: number;
  width: number;
}

/**
 * The classes of a mask.
 *
 * @throws SkySenseError `BAD_LABEL`: a value that the coding does not know, or bands that do not fit it
 */
export function decodeLabels(mask: MaskPixels, coding: LabelCoding, { file }: { file: string }): LabelMap {
  const { data, bands, height, width } = mask;
  const pixels = height * width;
  if (coding.planes !== undefined) return decodePlanes(mask, coding.planes, file);
  const coloured = bands >= 3;
  const byColour = coloured && coding.colours.length > 0;
  if (!byColour && coding.values.length === 0) throw bad("the mask has one band, but its classes are colours", file);
  const known = new Map(byColour ? coding.colours : coding.values);
  const out = new Uint8Array(pixels);
  // Masks are made of runs: most pixels are what the one before was.
  let [last, label] = [Number.NaN, 0];
  for (let p = 0; p < pixels; p++) {
    const code = coloured ? colourAt(data, p, pixels, byColour ? undefined : file) : data[p]!;
    if (code !== last) {
      const found = known.get(code);
      if (found === undefined) throw unknownCode(code, { byColour, file, at: [p % width, Math.floor(p / width)] });
      last = code;
      label = found;
    }
    out[p] = label;
  }
  return { data: out, height, width };
}

/** Where bands overlap, the later one wins; what is in none has no label. */
function decodePlanes({ data, bands, height, width }: MaskPixels, labels: readonly number[], file: string): LabelMap {
  if (bands !== labels.length) {
    throw bad(`the mask has ${bands} ${bands === 1 ? "band" : "bands"}, but its classes have ${labels.length}`, file);
  }
  const pixels = height * width;
  const out = new Uint8Array(pixels).fill(ignoredLabel);
  for (const [band, label] of labels.entries()) {
    for (let p = 0; p < pixels; p++) if (data[band * pixels + p] !== 0) out[p] = label;
  }
  return { data: out, height, width };
}

/** The colour, or with `greyIn` the grey value, which must be one. */
function colourAt(data: ArrayLike<number>, p: number, pixels: number, greyIn: string | undefined): number {
  const [r, g, b] = [data[p]!, data[pixels + p]!, data[2 * pixels + p]!];
  if (greyIn === undefined) return 0x10000 * r + 0x100 * g + b;
  if (r !== g || g !== b) throw bad(`the mask is in colours (${hex(0x10000 * r + 0x100 * g + b)})`, greyIn);
  return r;
}

export function hex(colour: number): string {
  return `#${colour.toString(16).padStart(6, "0")}`;
}

function unknownCode(
  code: number,
  { byColour, file, at }: { byColour: boolean; file: string; at: readonly [number, number] },
): SkySenseError {
  const what = byColour ? `the colour ${hex(code)}` : `the value ${code}`;
  return bad(`${what} at column ${at[0]}, row ${at[1]} of the mask is neither a class nor ignored`, file);
}

function bad(what: string, where: string): SkySenseError {
  return new SkySenseError({
    code: "BAD_LABEL",
    what,
    where,
    remedy: "Say what the values of the masks mean, in the index or by --classes.",
  });
}

/** Labels that contradict their images or their coding are a fault of the set: training without them would hide it. */
export function isLabelFault(error: unknown): boolean {
  return error instanceof SkySenseError && (error.code === "BAD_LABEL" || error.code === "MASK_SIZE");
}

/**
 * Check that a mask fits its image pixel by pixel.
 * @throws SkySenseError `MASK_SIZE`
 */
export function checkMaskSize(
  { width, height }: Pick<LabelMap, "width" | "height">,
  image: { width: number; height: number },
  { file }: { file: string },
): void {
  if (width === image.width && height === image.height) return;
  throw new SkySenseError({
    code: "MASK_SIZE",
    what: `the mask has ${width} × ${height} pixels, but its image has ${image.width} × ${image.height}`,
    where: file,
    remedy: "Every pixel of an image needs its label: cut or resample the one onto the other.",
  });
}
