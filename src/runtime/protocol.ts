import type { ErrorParts } from "../core/error.ts";
import type { ValueSpec } from "../graph/onnx.ts";
import type { Device, HostTensor } from "./session.ts";
import type { WeightsSource } from "./weights.ts";

/** What is asked of the place where sessions live. */
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

/** A call with its arguments. */
export type Call = { [M in Method]: { method: M; args: Calls[M]["args"] } }[Method];

/** Something that performs calls one after the other, in the order in which they are made. */
export interface Compute {
  /** False once it has ended, for whatever reason. */
  readonly alive: boolean;
  /** Rejects at once when `signal` fires; a call that has not begun then never does. */
  call<M extends Method>(
    method: M,
    args: Calls[M]["args"],
    options?: { transfer?: ArrayBuffer[]; signal?: AbortSignal },
  ): Promise<Calls[M]["result"]>;
  end(): Promise<void>;
}

/** To the compute thread. */
export type Request =
  | ({ id: number } & Call)
  /** Take a run out of the queue; it is not answered. */
  | { id: number; method: "cancel" };

/** From the compute thread. */
export type Reply =
  | { id: number; result: Calls[Method]["result"] }
  | { id: number; error: { parts?: ErrorParts; message: string; stack?: string } };
