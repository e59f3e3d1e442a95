/** How far a long call is. */
export interface Progress {
  /** What is being done, a word or two: "embed", "write features". */
  phase: string;
  done: number;
  /** The same unit as `done`; absent while it is not known. */
  total?: number;
  /** What `done` counts: "windows", "rows". */
  unit: string;
}

/** Options that every long call takes. */
export interface LongCall {
  /** Ends the call early: it rejects with the signal's reason, and nothing half-written stays. */
  signal?: AbortSignal;
  onProgress?: (progress: Progress) => void;
}
