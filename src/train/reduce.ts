import type { Communicator } from "./communicator.ts";
import { arrayOf, type Flat, type Role } from "./flat.ts";
import { makeBuffer, type TrainState } from "./state.ts";

/** Add up a role over all processes. */
export async function reduceRole(flat: Flat, role: Role, communicator: Communicator): Promise<void> {
  if (communicator.size === 1) return;
  for (const block of flat.blocks) await communicator.allReduce(arrayOf(block, role));
}

/**
 * Give every process what rank 0 has: so that one of them reads the checkpoint, and all begin with the same numbers.
 * @returns rank 0's `step`
 */
export async function broadcastState(state: TrainState, step: number, communicator: Communicator): Promise<number> {
  if (communicator.size === 1) return step;
  const { flat, fixed, buffers } = state;
  for (const role of ["parameters", "first", "second", "averages"] as const) {
    for (const { arrays } of flat.blocks) if (arrays[role]) await communicator.broadcast(arrays[role]);
  }
  const names = [...fixed.keys()];
  const base = 2 ** 20; // two digits, since float32 holds whole numbers to 2²⁴ only
  const header = Float32Array.of(
    step % base,
    Math.floor(step / base),
    ...names.map((name) => Number(buffers.has(name))),
  );
  await communicator.broadcast(header);
  const [low, high, ...isBuffer] = header;
  for (const [i, name] of names.entries()) {
    if (isBuffer[i] === 1) await communicator.broadcast(makeBuffer(state, name));
  }
  return low! + high! * base;
}

/** Add up a few numbers over all processes. */
export async function reduceNumbers(values: readonly number[], communicator: Communicator): Promise<number[]> {
  if (communicator.size === 1) return [...values];
  const sums = Float32Array.from(values);
  await communicator.allReduce(sums);
  return [...sums];
}
