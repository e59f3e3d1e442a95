import { type StoredTensor, serialiseSafetensors, toFloat32 } from "../core/safetensors.ts";

/** A table of named tensors: the parameters of a model, in a file or in memory. */
export interface Weights {
  /** The file, or what else to call it in an error. */
  readonly name: string;
  readonly metadata: Readonly<Record<string, string>>;
  /** Names, dtypes and shapes. */
  readonly entries: ReadonlyMap<string, Pick<StoredTensor, "dtype" | "shape">>;
  /** What another thread needs to open the same table. */
  readonly source: WeightsSource;
  /** The tensor as it is stored, as a view where memory allows. Throws if there is none of that name. */
  get(name: string): StoredTensor;
  /** Its numbers as float32: a view where it is stored so, else widened once and kept. */
  float32(name: string): Float32Array;
  /** SHA-256 of the file, or of the file that these tensors would make; hexadecimal. */
  sha256(): Promise<string>;
  /** Let go of file and memory; views that were handed out stay valid as long as somebody holds them. */
  close(): void;
}

export type WeightsSource =
  | { readonly file: string }
  | { readonly name: string; readonly tensors: ReadonlyMap<string, StoredTensor> };

/** Tensors in memory as a {@link Weights} table, for instance fresh ones. They are not copied here. */
export function weightsFromTensors(
  tensors: ReadonlyMap<string, StoredTensor>,
  { name = "weights in memory", metadata = {} }: { name?: string; metadata?: Record<string, string> } = {},
): Weights {
  return weightsTable({
    name,
    metadata,
    entries: tensors,
    source: { name, tensors },
    load: (key) => tensors.get(key)!,
    digest: async () => {
      const hash = await crypto.subtle.digest("SHA-256", serialiseSafetensors(tensors, metadata));
      return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, "0")).join("");
    },
    release: () => {},
  });
}

/** What all tables have in common: lookup, widening, the guard after close. */
export function weightsTable({
  load,
  digest,
  release,
  ...table
}: Pick<Weights, "name" | "metadata" | "entries" | "source"> & {
  load: (name: string) => StoredTensor;
  digest: () => Promise<string>;
  release: () => void;
}): Weights {
  const widened = new Map<string, Float32Array>();
  let hash: Promise<string> | undefined;
  let open = true;
  const get = (name: string) => {
    if (!open) throw new Error(`internal: ${table.name} was closed before "${name}" was read`);
    if (!table.entries.has(name)) throw new Error(`internal: ${table.name} has no tensor "${name}"`);
    return load(name);
  };
  return {
    ...table,
    get,
    float32(name) {
      const known = widened.get(name);
      if (known !== undefined) return known;
      const tensor = get(name);
      const values = toFloat32(tensor);
      if (values !== tensor.data) widened.set(name, values);
      return values;
    },
    sha256: () => {
      hash ??= digest();
      return hash;
    },
    close() {
      open = false;
      widened.clear();
      release();
    },
  };
}
