import { damaged, unsupported } from "./errors.ts";
import { type ByteSource, readAhead } from "./source.ts";

/** Where the values of one tag lie. */
interface Entry {
  type: number;
  count: number;
  offset: number;
}

export type Directory = ReadonlyMap<number, Entry>;

/** The directories of a TIFF, with every count and offset checked against the file's length before it is followed. */
export interface TiffStructure {
  littleEndian: boolean;
  directories: readonly Directory[];
  /** Numbers of a tag; undefined: absent. At most `limit` of them. */
  numbers(directory: Directory, tag: number, limit?: number): Promise<number[] | undefined>;
  text(directory: Directory, tag: number): Promise<string | undefined>;
  bytes(directory: Directory, tag: number): Promise<Uint8Array | undefined>;
}

/** Bytes per value, by TIFF's type number (TIFF 6.0 section 2, BigTIFF 16 to 18). */
const typeBytes = [0, 1, 1, 2, 4, 8, 1, 1, 2, 4, 8, 4, 8, 4, 0, 0, 8, 8, 8];
const maxDirectories = 4096;
const maxEntries = 4096;
const maxTextBytes = 1 << 24;

/**
 * Read the header and all directories of a TIFF or BigTIFF.
 *
 * Not geotiff.js's own parser: it allocates what counts in the file ask for before it looks whether they are there.
 *
 * @throws SkySenseError `RASTER_DAMAGED` | `RASTER_UNSUPPORTED`
 * @see TIFF 6.0 (Adobe 1992) section 2; BigTIFF (Aware Systems)
 */
export async function readTiffStructure(source: ByteSource): Promise<TiffStructure> {
  const { path } = source;
  const read = readAhead(source);
  const head = view(await read({ offset: 0, length: Math.min(16, source.size) }));
  if (head.byteLength < 8) throw damaged(path, "the file ends inside its header");
  const littleEndian = head.getUint8(0) === 0x49;
  const big = head.getUint16(2, littleEndian) === 43;
  if (big && (head.byteLength < 16 || head.getUint16(4, littleEndian) !== 8)) {
    throw unsupported(path, "BigTIFF with offsets that are not 8 bytes long");
  }
  const long = (v: DataView, at: number): number =>
    big ? Number(v.getBigUint64(at, littleEndian)) : v.getUint32(at, littleEndian);

  const directories: Directory[] = [];
  const seen = new Set<number>();
  for (let at = long(head, big ? 8 : 4); at !== 0; ) {
    if (seen.has(at)) throw damaged(path, "the image directories run in a circle");
    seen.add(at);
    if (seen.size > maxDirectories) throw unsupported(path, `more than ${maxDirectories} image directories`);
    const countBytes = big ? 8 : 2;
    const countView = view(await read({ offset: at, length: countBytes }));
    const count = big ? long(countView, 0) : countView.getUint16(0, littleEndian);
    if (count === 0 || count > maxEntries) throw damaged(path, `an image directory claims ${count} entries`);
    const entryBytes = big ? 20 : 12;
    const valueBytes = big ? 8 : 4;
    const body = view(await read({ offset: at + countBytes, length: count * entryBytes + valueBytes }));
    const directory = new Map<number, Entry>();
    for (let i = 0; i < count; i++) {
      const o = i * entryBytes;
      const type = body.getUint16(o + 2, littleEndian);
      const values = long(body, o + 4);
      const length = values * (typeBytes[type] ?? 0);
      if (length === 0) continue; // unknown types are to be skipped (TIFF 6.0, section 2)
      const here = at + countBytes + o + entryBytes - valueBytes;
      const offset = length <= valueBytes ? here : long(body, o + entryBytes - valueBytes);
      const tag = body.getUint16(o, littleEndian);
      if (!directory.has(tag)) directory.set(tag, { type, count: values, offset });
    }
    directories.push(directory);
    at = long(body, count * entryBytes);
  }
  if (directories.length === 0) throw damaged(path, "the file has no image directory");

  async function raw({ type, count, offset }: Entry, limit: number): Promise<Uint8Array> {
    if (count > limit) throw damaged(path, `a tag claims ${count} values where at most ${limit} make sense`);
    return read({ offset, length: count * typeBytes[type]! });
  }

  return {
    littleEndian,
    directories,
    async numbers(directory, tag, limit = 1 << 16) {
      const entry = directory.get(tag);
      return entry && decode(view(await raw(entry, limit)), entry, littleEndian);
    },
    async text(directory, tag) {
      const entry = directory.get(tag);
      if (entry?.type !== 2) return undefined;
      return new TextDecoder().decode(await raw(entry, maxTextBytes)).replace(/\0[\s\S]*$/, "");
    },
    async bytes(directory, tag) {
      const entry = directory.get(tag);
      return entry && (typeBytes[entry.type] === 1 ? raw(entry, maxTextBytes) : undefined);
    },
  };
}

function view(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function decode(v: DataView, { type, count }: Entry, little: boolean): number[] {
  const size = typeBytes[type]!;
  const out = new Array<number>(count);
  for (let i = 0; i < count; i++) out[i] = value(v, type, i * size, little);
  return out;
}

function value(v: DataView, type: number, at: number, little: boolean): number {
  switch (type) {
    case 3:
      return v.getUint16(at, little);
    case 4:
    case 13:
      return v.getUint32(at, little);
    case 5:
      return v.getUint32(at, little) / v.getUint32(at + 4, little);
    case 6:
      return v.getInt8(at);
    case 8:
      return v.getInt16(at, little);
    case 9:
      return v.getInt32(at, little);
    case 10:
      return v.getInt32(at, little) / v.getInt32(at + 4, little);
    case 11:
      return v.getFloat32(at, little);
    case 12:
      return v.getFloat64(at, little);
    case 16:
    case 18:
      return Number(v.getBigUint64(at, little));
    case 17:
      return Number(v.getBigInt64(at, little));
    default:
      return v.getUint8(at);
  }
}
