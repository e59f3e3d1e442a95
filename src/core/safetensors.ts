import { SkySenseError } from "./error.ts";
import { bfloat16ToFloat32, float16ToFloat32 } from "./float16.ts";

/** What a tensor's bytes become: halves stay bits in a Uint16Array, BOOL is a byte, 0 or 1. */
const arrays = {
  F64: Float64Array,
  F32: Float32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  I32: Int32Array,
  U32: Uint32Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
} as const;

export type StoredDtype = keyof typeof arrays;
export type StoredArray = InstanceType<(typeof arrays)[StoredDtype]>;

/** One tensor of a file. */
export interface StoredTensor {
  dtype: StoredDtype;
  shape: readonly number[];
  data: StoredArray;
}

/** Where a tensor lies: bytes [`begin`, `end`) counted from the start of the file. */
export interface StoredEntry {
  dtype: StoredDtype;
  shape: readonly number[];
  begin: number;
  end: number;
}

export interface SafetensorsHeader {
  entries: Map<string, StoredEntry>;
  metadata: Record<string, string>;
}

/** The limit of the reference implementation; the header of a model with two billion parameters takes 0.3 MB. */
const maxHeaderBytes = 100_000_000;

/** The reading of a corrupt file ends here; `where` is the file. */
function corrupt(what: string, file: string, cause?: unknown): SkySenseError {
  return new SkySenseError({
    code: "CORRUPT_SAFETENSORS",
    what,
    where: file,
    remedy: "The file is damaged or is no .safetensors file: fetch or write it again.",
    cause,
  });
}

/**
 * How many bytes {@link readHeader} needs: the first 8 bytes of the file say it.
 * @throws SkySenseError `CORRUPT_SAFETENSORS`
 */
export function headerEnd(first8: Uint8Array, { file, fileBytes }: { file: string; fileBytes: number }): number {
  if (first8.length < 8) throw corrupt(`${fileBytes} bytes are too few for a .safetensors file`, file);
  const view = new DataView(first8.buffer, first8.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > maxHeaderBytes) throw corrupt(`a header of ${length} bytes is more than ${maxHeaderBytes}`, file);
  if (8 + length > fileBytes) throw corrupt(`a header of ${length} bytes in a file of ${fileBytes} bytes`, file);
  return 8 + length;
}

/**
 * Read and check the header of a .safetensors file: every tensor lies inside the file, has as many bytes as dtype and
 * shape need, and the tensors fill the file without holes or overlaps.
 *
 * @param prefix  The file's first bytes, at least {@link headerEnd} many.
 * @throws SkySenseError `CORRUPT_SAFETENSORS` | `UNSUPPORTED_DTYPE`
 * @see https://github.com/huggingface/safetensors (format)
 */
export function readHeader(
  prefix: Uint8Array,
  { file, fileBytes }: { file: string; fileBytes: number },
): SafetensorsHeader {
  const end = headerEnd(prefix.subarray(0, 8), { file, fileBytes });
  const raw = parseObject(prefix.subarray(8, end), file);
  const entries = new Map<string, StoredEntry>();
  let metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(raw)) {
    if (name === "__metadata__") metadata = checkMetadata(value, file);
    else entries.set(name, checkEntry(name, value, { file, dataStart: end }));
  }
  checkContiguous(entries, { file, dataStart: end, fileBytes });
  return { entries, metadata };
}

/** The header's JSON. A name that comes twice is refused: JSON.parse would keep the last one in silence. */
function parseObject(bytes: Uint8Array, file: string): Record<string, unknown> {
  let text: string;
  let value: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
    value = JSON.parse(text);
  } catch (error) {
    throw corrupt(`the header is no JSON: ${(error as Error).message}`, file, error);
  }
  if (!isObject(value)) throw corrupt("the header is no JSON object", file);
  // Every key brings one colon, so outside of strings there are as many colons as keys.
  const written = text.replace(/"(?:[^"\\]|\\.)*"/g, "").split(":").length - 1;
  if (written !== countKeys(value)) throw corrupt("a name stands twice in the header", file);
  return value;
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

function countKeys(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  const own = Array.isArray(value) ? 0 : Object.keys(value).length;
  return Object.values(value).reduce<number>((sum, child) => sum + countKeys(child), own);
}

function checkMetadata(value: unknown, file: string): Record<string, string> {
  if (isObject(value) && Object.values(value).every((text) => typeof text === "string")) {
    return value as Record<string, string>;
  }
  throw corrupt("the header's __metadata__ is not a table of texts", file);
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function checkEntry(
  name: string,
  value: unknown,
  { file, dataStart }: { file: string; dataStart: number },
): StoredEntry {
  const label = `tensor "${name.slice(0, 100)}"`;
  if (!isObject(value)) throw corrupt(`${label} has no description`, file);
  const { dtype, shape, data_offsets: offsets } = value;
  if (typeof dtype !== "string") throw corrupt(`${label} has no dtype`, file);
  if (!Object.hasOwn(arrays, dtype)) {
    throw new SkySenseError({
      code: "UNSUPPORTED_DTYPE",
      what: `${label} has the dtype "${dtype.slice(0, 20)}"`,
      where: file,
      remedy: `Convert it to one of ${Object.keys(arrays).join(", ")}.`,
    });
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) throw corrupt(`${label} has no valid shape`, file);
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    throw corrupt(`${label} has no valid data_offsets`, file);
  }
  const [begin, end] = offsets as [number, number];
  const elements = shape.reduce((product: number, size: number) => product * size, 1);
  const bytes = elements * arrays[dtype as StoredDtype].BYTES_PER_ELEMENT;
  if (end - begin !== bytes) {
    throw corrupt(`${label}: ${dtype} [${shape}] takes ${bytes} bytes, the offsets give ${end - begin}`, file);
  }
  return { dtype: dtype as StoredDtype, shape, begin: dataStart + begin, end: dataStart + end };
}

function checkContiguous(
  entries: Map<string, StoredEntry>,
  { file, dataStart, fileBytes }: { file: string; dataStart: number; fileBytes: number },
): void {
  let position = dataStart;
  const inOrder = [...entries].sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  for (const [name, { begin, end }] of inOrder) {
    if (begin !== position) {
      const fault = begin < position ? "overlaps the one before it" : "leaves a hole before it";
      throw corrupt(`tensor "${name.slice(0, 100)}" ${fault}`, file);
    }
    position = end;
  }
  if (position !== fileBytes) {
    throw corrupt(`the header describes ${position} bytes, the file has ${fileBytes}`, file);
  }
}

/**
 * The tensor at `entry` as a view on `bytes`, which start at byte `offset` of the file. No copy, unless the file does
 * not align the tensor to its element size. Assumes a little-endian machine, as every one that runs JavaScript is.
 */
export function viewTensor(entry: StoredEntry, bytes: Uint8Array, offset = 0): StoredTensor {
  const Type = arrays[entry.dtype];
  const part = bytes.subarray(entry.begin - offset, entry.end - offset);
  // Not part.slice(), which of a Buffer is no copy.
  const aligned = part.byteOffset % Type.BYTES_PER_ELEMENT === 0 ? part : new Uint8Array(part);
  const data = new Type(
    aligned.buffer as ArrayBuffer,
    aligned.byteOffset,
    aligned.byteLength / Type.BYTES_PER_ELEMENT,
  );
  return { dtype: entry.dtype, shape: entry.shape, data };
}

/**
 * All tensors of a .safetensors file in memory, as views on its bytes.
 * @param options.file  Name for error messages.
 * @throws SkySenseError `CORRUPT_SAFETENSORS` | `UNSUPPORTED_DTYPE`
 */
export function parseSafetensors(
  bytes: ArrayBufferLike | Uint8Array,
  { file = "memory" }: { file?: string } = {},
): { tensors: Map<string, StoredTensor>; metadata: Record<string, string> } {
  const all = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  const { entries, metadata } = readHeader(all, { file, fileBytes: all.length });
  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of entries) tensors.set(name, viewTensor(entry, all));
  return { tensors, metadata };
}

/**
 * The numbers of a tensor as float32: F32 as it is, F16 and BF16 widened, F64 and integers rounded; copies only where
 * the dtype is not F32.
 */
export function toFloat32({ dtype, data }: StoredTensor): Float32Array {
  if (data instanceof Float32Array) return data;
  if (dtype === "F16") return float16ToFloat32(data as Uint16Array);
  if (dtype === "BF16") return bfloat16ToFloat32(data as Uint16Array);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Float32Array.from(data, Number);
  return Float32Array.from(data);
}

/**
 * A .safetensors file in parts, to be written one after the other: the header, then each tensor's bytes, uncopied.
 * The same tensors and metadata always give the same bytes, in whatever order they come: tensors are sorted by element
 * size, large first (so all are aligned), then by name, as the reference implementation does.
 */
export function safetensorsParts(
  tensors: Iterable<readonly [name: string, StoredTensor]>,
  metadata: Record<string, string> = {},
): Uint8Array[] {
  const inOrder = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT || (nameA < nameB ? -1 : Number(nameA > nameB)),
  );
  const description: [string, unknown][] = [];
  const keys = Object.keys(metadata).sort();
  if (keys.length > 0)
    description.push(["__metadata__", Object.fromEntries(keys.map((key) => [key, metadata[key]]))]);
  let position = 0;
  for (const [name, { dtype, shape, data }] of inOrder) {
    const offsets = [position, position + data.byteLength];
    description.push([name, { dtype, shape, data_offsets: offsets }]);
    position += data.byteLength;
  }
  const body = description.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(",");
  const text = new TextEncoder().encode(`{${body}}`);
  const header = new Uint8Array(8 + Math.ceil(text.length / 8) * 8).fill(0x20);
  new DataView(header.buffer).setBigUint64(0, BigInt(header.length - 8), true);
  header.set(text, 8);
  return [header, ...inOrder.map(([, { data }]) => new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];
}

/** A .safetensors file in memory; see {@link safetensorsParts}. */
export function serialiseSafetensors(
  tensors: Iterable<readonly [name: string, StoredTensor]>,
  metadata: Record<string, string> = {},
): Uint8Array<ArrayBuffer> {
  const parts = safetensorsParts(tensors, metadata);
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let position = 0;
  for (const part of parts) {
    file.set(part, position);
    position += part.length;
  }
  return file;
}
