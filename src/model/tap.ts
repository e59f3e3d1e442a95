import type { Tensor } from "../graph/tensor.ts";

/** Called with each named intermediate of a module, for tests and tools that compare them. */
export type Tap = (name: string, value: () => Tensor) => void;
