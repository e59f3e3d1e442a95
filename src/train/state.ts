import type { StoredTensor } from "../core/safetensors.ts";
import type { HostTensor } from "../runtime/session.ts";
import { createFlat, type Flat, type Role, viewOf } from "./flat.ts";

/** A float32 tensor in memory. */
export interface Values extends HostTensor {
  data: Float32Array<ArrayBuffer>;
}

/** All numbers of a model in training. */
export interface TrainState {
  /** What is trained, with gradients and moments. */
  readonly flat: Flat;
  /** What the graph reads and no gradient changes: frozen parameters, running statistics. */
  readonly fixed: Map<string, Values>;
  /** Names in `fixed` that the graph renews at every step; their arrays are the run's own. */
  readonly buffers: Set<string>;
}

/** Room for a model's parameters, with these values; frozen ones are not copied. */
export function createState(
  parameters: Iterable<readonly [name: string, values: Values]>,
  { trainable, roles }: { trainable: (name: string) => boolean; roles: readonly Role[] },
): TrainState {
  const all = [...parameters];
  const trained = all.filter(([name]) => trainable(name));
  const flat = createFlat(
    trained.map(([name, { shape }]) => [name, shape] as const),
    { roles },
  );
  for (const [i, slot] of flat.slots.entries()) viewOf(flat, "parameters", slot).set(trained[i]![1].data);
  return { flat, fixed: new Map(all.filter(([name]) => !trainable(name))), buffers: new Set() };
}

/** Make `name` a buffer: its array becomes one that the run may write. */
export function makeBuffer({ fixed, buffers }: TrainState, name: string): Float32Array<ArrayBuffer> {
  const known = fixed.get(name);
  if (known === undefined) throw new Error(`internal: "${name}" is a buffer, but no fixed parameter of the model`);
  if (!buffers.has(name)) fixed.set(name, { ...known, data: known.data.slice() });
  buffers.add(name);
  return fixed.get(name)!.data;
}

/** The running mean of a parameter, where one is kept, is a parameter too: a teacher reads it. */
export const averagePrefix = "average";

/** The arrays that a graph reads: parameters by name, and running means as `average.<name>`, as views. */
export function parameterViews({ flat, fixed }: TrainState): Map<string, Values> {
  const views = new Map(fixed);
  for (const [name, values] of fixed) views.set(`${averagePrefix}.${name}`, values);
  const averaged = flat.blocks.every(({ arrays }) => arrays.averages !== undefined);
  for (const slot of flat.slots) {
    const { name, shape } = slot;
    views.set(name, { shape, data: viewOf(flat, "parameters", slot) });
    if (averaged) views.set(`${averagePrefix}.${name}`, { shape, data: viewOf(flat, "averages", slot) });
  }
  return views;
}

/** What is trained in one role, and with `buffers` the buffers too, as tensors of a file. */
export function storedTensors(
  { flat, fixed, buffers }: TrainState,
  role: Role,
  { prefix = "", withBuffers = false } = {},
): Map<string, StoredTensor> {
  const stored = ({ shape, data }: Values): StoredTensor => ({ dtype: "F32", shape, data });
  const tensors = new Map<string, StoredTensor>();
  for (const slot of flat.slots) {
    tensors.set(prefix + slot.name, stored({ shape: slot.shape, data: viewOf(flat, role, slot) }));
  }
  if (withBuffers) for (const name of buffers) tensors.set(name, stored(fixed.get(name)!));
  return tensors;
}
