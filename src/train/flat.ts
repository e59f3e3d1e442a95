import { SkySenseError } from "../core/error.ts";
import { type Kernels, kernelsOn } from "./kernels.ts";

/** What is kept for each trained number. */
export type Role =
  | "parameters"
  | "gradients"
  /** Gradients of several batches, where a step has more than one. */
  | "sums"
  /** Running means of the gradient and of its square (SGD: the velocity alone). */
  | "first"
  | "second"
  /** Running mean of the parameters. */
  | "averages";

/** Where a tensor lies: `length` numbers from `offset` in every role's array of its block. */
export interface Slot {
  readonly name: string;
  readonly shape: readonly number[];
  readonly block: number;
  readonly offset: number;
  readonly length: number;
}

/** One memory: each role is one array in it, all with the same layout. */
export interface Block {
  readonly kernels: Kernels;
  readonly arrays: Readonly<Partial<Record<Role, Float32Array<ArrayBuffer>>>>;
}

/**
 * All trained numbers of a model as flat arrays. Tensors lie in the order in which they were given, each at the next
 * multiple of 16 numbers; the gaps hold zeros, for ever. A model that does not fit into one memory gets several.
 */
export interface Flat {
  readonly slots: readonly Slot[];
  readonly blocks: readonly Block[];
}

/** 64 bytes: a line of the cache, and whole vectors for the kernels. */
const alignment = 16;
const align = (length: number) => Math.ceil(length / alignment) * alignment;

/** What a WebAssembly memory may hold, less a page: the end of the last array must be a 32-bit number. */
const maxBlockBytes = 2 ** 32 - 2 ** 16;

/**
 * Room for these tensors, all zero.
 *
 * ONNX Runtime reads and writes views on WebAssembly memory in place, so parameters and gradients are never copied.
 * @throws SkySenseError `TENSOR_TOO_LARGE` | `OUT_OF_MEMORY`
 */
export function createFlat(
  tensors: Iterable<readonly [name: string, shape: readonly number[]]>,
  { roles, blockBytes = maxBlockBytes }: { roles: readonly Role[]; blockBytes?: number },
): Flat {
  const slots: Slot[] = [];
  const lengths: number[] = [0];
  for (const [name, shape] of tensors) {
    const length = shape.reduce((product, extent) => product * extent, 1);
    if (align(length) * 4 * roles.length > maxBlockBytes) {
      throw new SkySenseError({
        code: "TENSOR_TOO_LARGE",
        what: `the parameter has ${length} numbers, which with ${roles.length - 1} more for each are over 4 GiB`,
        where: name,
        remedy: "Keep this parameter fixed.",
      });
    }
    const begin = lengths.at(-1)!;
    const fits = begin === 0 || (begin + align(length)) * 4 * roles.length <= blockBytes;
    if (!fits) lengths.push(0);
    const block = lengths.length - 1;
    slots.push({ name, shape, block, offset: fits ? begin : 0, length });
    lengths[block] = (fits ? begin : 0) + align(length);
  }
  return { slots, blocks: lengths.map((length) => createBlock(length, roles)) };
}

function createBlock(length: number, roles: readonly Role[]): Block {
  const pages = Math.ceil((length * 4 * roles.length) / 65536);
  let memory: WebAssembly.Memory;
  try {
    // Never to grow: that would detach the arrays.
    memory = new WebAssembly.Memory({ initial: Math.max(1, pages), maximum: Math.max(1, pages) });
  } catch (cause) {
    throw new SkySenseError({
      code: "OUT_OF_MEMORY",
      what: `there is no memory for ${roles.length} × ${length} numbers`,
      remedy: "Train a smaller model, or fewer of its parameters.",
      cause,
    });
  }
  const arrays = Object.fromEntries(
    roles.map((role, i) => [role, new Float32Array(memory.buffer as ArrayBuffer, i * length * 4, length)]),
  );
  return { kernels: kernelsOn(memory), arrays };
}

/** A tensor in one role, as a view. */
export function viewOf({ blocks }: Flat, role: Role, { block, offset, length }: Slot): Float32Array<ArrayBuffer> {
  return arrayOf(blocks[block]!, role).subarray(offset, offset + length);
}

/** A role's whole array. */
export function arrayOf({ arrays }: Block, role: Role): Float32Array<ArrayBuffer> {
  const array = arrays[role];
  if (array === undefined) throw new Error(`internal: nothing was kept for "${role}"`);
  return array;
}

/** Neighbouring tensors that are treated alike. */
export interface Span<T> {
  block: number;
  /** Numbers, both multiples of 16. */
  offset: number;
  length: number;
  value: T;
}

/** Where a span begins in the memory of its block: bytes. */
export function addressOf({ blocks }: Flat, role: Role, { block, offset }: Pick<Span<unknown>, "block" | "offset">) {
  return arrayOf(blocks[block]!, role).byteOffset + offset * 4;
}

/** Group the tensors: runs of neighbours for which `of` says the same; undefined leaves a tensor out. */
export function spansOf<T>({ slots }: Flat, of: (slot: Slot) => T | undefined): Span<T>[] {
  const spans: Span<T>[] = [];
  let lastKey = "";
  for (const slot of slots) {
    const value = of(slot);
    const key = JSON.stringify(value) ?? "";
    const last = spans.at(-1);
    const joins = last?.block === slot.block && last.offset + last.length === slot.offset && key === lastKey;
    if (value !== undefined && joins) last.length += align(slot.length);
    else if (value !== undefined) {
      spans.push({ block: slot.block, offset: slot.offset, length: align(slot.length), value });
    }
    lastKey = key;
  }
  return spans;
}

/** √Σx² of a role over all tensors; the kernels add in float64, so it is infinite only where a number is. */
export function normOf({ blocks }: Flat, role: Role): number {
  return Math.sqrt(
    blocks.reduce((sum, block) => {
      const { byteOffset, byteLength } = arrayOf(block, role);
      return byteLength === 0 ? sum : sum + block.kernels.sumOfSquares(byteOffset, byteLength);
    }, 0),
  );
}

/** y = a y + b x over all tensors. */
export function combine({ blocks }: Flat, [y, x]: readonly [Role, Role], { a, b }: { a: number; b: number }): void {
  for (const block of blocks) {
    const [to, from] = [arrayOf(block, y), arrayOf(block, x)];
    if (to.byteLength > 0) block.kernels.combine(to.byteOffset, from.byteOffset, to.byteLength, a, b);
  }
}
