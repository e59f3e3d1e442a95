import { Option } from "commander";

/** `--device`, the same for every command that computes. */
export function deviceOption(standard: "auto" | "cpu"): Option {
  return new Option("--device <device>", "where to compute")
    .choices(["auto", "cpu", "webgpu", "cuda"])
    .default(standard);
}
