import type { ErrorParts } from "../core/error.ts";
import type { ValueSpec } from "../graph/onnx.ts";
import type { Device, HostTensor } from "./session.ts";
import type { WeightsSource } from "./weights.ts";

/** What the compute thread does; every call is answered by one reply. */
export interface Calls {
  openWeights: { args: { table: number; source: WeightsSource }; result: undefined };
  closeWeights: { args: { table: number }; result: undefined };
  create: {
    args: {
      session: number;
      bytes: Uint8Array;
      parameters: readonly ValueSpec[];
      outputs: readonly ValueSpec[];
      device: Device;
      threads: number;
      /** A table that was opened. */
      table?: number;
      constantWeights: boolean;
    };
    result: undefined;
  };
  run: {
    args: {
      session: number;
      feeds: Record<string, HostTensor>;
      /** By output; undefined where it is known only afterwards. */
      shapes: (number[] | undefined)[];
    };
    result: Record<string, HostTensor>;
  };
  release: { args: { session: number }; result: undefined };
}

export type Method = keyof Calls;

export type Request =
  | { [M in Method]: { id: number; method: M; args: Calls[M]["args"] } }[Method]
  /** Take a run out of the queue; it is not answered. */
  | { id: number; method: "cancel" };

export type Reply =
  | { id: number; result: Calls[Method]["result"] }
  | { id: number; error: { parts?: ErrorParts; message: string; stack?: string } };
