import { float16ToFloat32 } from "../../core/float16.ts";
import type { Affine } from "../../core/grid.ts";
import type { Raster, RasterBand, RasterData, RasterType } from "../raster.ts";
import type { BlockCache } from "./block-cache.ts";
import { damaged, unsupported } from "./errors.ts";
import { type BlockImage, readWindow } from "./read-window.ts";
import type { ByteSource } from "./source.ts";
import { arrayTypes } from "./unpack.ts";

/** NumPy's codes of numbers: bytes of one, what they are read as, and how, where an array type does not say it. */
const types: Readonly<
  Record<string, { bytes: number; type: RasterType; decode?: (bytes: Uint8Array) => RasterData }>
> = {
  b1: { bytes: 1, type: "uint8" },
  u1: { bytes: 1, type: "uint8" },
  i1: { bytes: 1, type: "int8" },
  u2: { bytes: 2, type: "uint16" },
  i2: { bytes: 2, type: "int16" },
  u4: { bytes: 4, type: "uint32" },
  i4: { bytes: 4, type: "int32" },
  f2: { bytes: 2, type: "float32", decode: ({ buffer }) => float16ToFloat32(new Uint16Array(buffer)) },
  f4: { bytes: 4, type: "float32" },
  f8: { bytes: 8, type: "float64" },
  // NumPy's usual whole numbers; labels and counts are exact as float64.
  i8: { bytes: 8, type: "float64", decode: ({ buffer }) => Float64Array.from(new BigInt64Array(buffer), Number) },
  u8: { bytes: 8, type: "float64", decode: ({ buffer }) => Float64Array.from(new BigUint64Array(buffer), Number) },
};

let opened = 0;

/**
 * Open an array of NumPy as a raster: [height, width], [bands, height, width] or [dates, bands, height, width], which
 * becomes date-major bands. A plane is read when it is asked for.
 *
 * @see https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html, versions 1 to 3
 * @throws SkySenseError `RASTER_DAMAGED` | `RASTER_UNSUPPORTED`
 */
export async function openNpy(
  source: ByteSource,
  { cache, worldFile }: { cache: BlockCache; worldFile: Affine | undefined },
): Promise<Raster> {
  const { path } = source;
  const { kind, bigEndian, count, height, width, start } = await readHeader(source);
  const key = `npy ${opened++}/`;
  const planeBytes = height * width * kind.bytes;
  const plane = async (index: number): Promise<RasterData> => {
    const [bytes] = await source.read([{ offset: start + index * planeBytes, length: planeBytes }]);
    const own = Uint8Array.from(bytes!);
    if (bigEndian) for (let i = 0; i < own.length; i += kind.bytes) own.subarray(i, i + kind.bytes).reverse();
    return kind.decode?.(own) ?? new arrayTypes[kind.type](own.buffer);
  };
  const level: BlockImage = {
    ...{ width, height, blockWidth: width, blockHeight: height, blockBands: 1 },
    async load(refs, use, signal) {
      for (const ref of refs) {
        signal?.throwIfAborted();
        let block = cache.get(key + ref.plane);
        if (block === undefined) {
          block = plane(ref.plane);
          cache.put(key + ref.plane, block);
        }
        use(ref, await block);
      }
    },
  };
  const band: RasterBand = {
    ...{ name: undefined, type: kind.type, nodata: undefined, scale: undefined, offset: undefined },
    ...{ unit: undefined, colour: undefined, metadata: {} },
  };
  const bands = Array.from({ length: count }, () => band);
  const target = {
    ...{ path, width, height, type: kind.type, levels: [level] },
    fill: bands.map(() => undefined),
    bandNames: bands.map(() => undefined),
  };
  return {
    ...{ path, driver: "NPY", bands, metadata: {}, blockSize: [width, height] },
    grid: { crs: undefined, transform: worldFile ?? [1, 0, 0, 0, 1, 0], width, height },
    read: (options) => readWindow(target, options),
    async close() {
      cache.drop(key);
      await source.close();
    },
  };
}

async function readHeader(source: ByteSource) {
  const { path } = source;
  const [head] = await source.read([{ offset: 0, length: Math.min(12, source.size) }]);
  const view = new DataView(head!.buffer, head!.byteOffset, head!.length);
  const wide = head![6]! >= 2;
  if (head!.length < 12) throw damaged(path, "the file ends within its header");
  const length = wide ? view.getUint32(8, true) : view.getUint16(8, true);
  const offset = wide ? 12 : 10;
  const [bytes] = await source.read([{ offset, length }]);
  const text = new TextDecoder("utf-8").decode(bytes);
  const [, order, code] = /'descr'\s*:\s*'([<>|=]?)(\w+)'/.exec(text) ?? [];
  const shape = /'shape'\s*:\s*\(([^)]*)\)/
    .exec(text)?.[1]
    ?.split(",")
    .flatMap((n) => (n.trim() ? Number(n) : []));
  if (shape === undefined || !shape.every((n) => Number.isInteger(n) && n >= 0)) {
    throw damaged(path, "the header of this .npy file cannot be read");
  }
  const kind = types[code ?? ""];
  const remedy = "Save it anew with numpy.save, as an array [dates, bands, height, width] in C order.";
  if (kind === undefined) throw unsupported(path, `an .npy file of numbers of the type ${code ?? "object"}`, remedy);
  if (/'fortran_order'\s*:\s*True/.test(text)) throw unsupported(path, "an .npy file in Fortran order", remedy);
  if (shape.length < 2 || shape.length > 4 || shape.includes(0)) {
    throw unsupported(path, `an .npy file of the shape [${shape.join(", ")}], which is no image`, remedy);
  }
  const [height, width] = shape.slice(-2) as [number, number];
  const count = shape.slice(0, -2).reduce((n, extent) => n * extent, 1);
  const start = offset + length;
  const due = start + count * height * width * kind.bytes;
  if (source.size < due) throw damaged(path, `the file has ${source.size} bytes, and ${due} are due`);
  return { kind, bigEndian: order === ">", count, height, width, start };
}
