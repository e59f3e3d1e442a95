import { InvalidArgumentError, Option } from "commander";
import { type SensorName, sensorNames } from "../core/place.ts";

/** `--device`, the same for every command that computes. */
export function deviceOption(standard: "auto" | "cpu"): Option {
  return new Option("--device <device>", "where to compute")
    .choices(["auto", "cpu", "webgpu", "cuda"])
    .default(standard);
}

/** `--seeds 0,1,2`, or `--seed 0`: a run each. */
export function seedsOption(what: string): Option {
  return new Option("--seed, --seeds <list>", what).argParser<number[]>(seeds).default([0], "0");
}

function seeds(text: string): number[] {
  const values = text.split(",").map(Number);
  if (text.trim() === "" || !values.every((value) => Number.isInteger(value) && value >= 0)) {
    throw new InvalidArgumentError('Write whole numbers from 0 on, like "0,1,2".');
  }
  return values;
}

/** A share of a set. */
export function ratio(text: string): number {
  const value = Number(text);
  if (!(value > 0 && value < 1)) throw new InvalidArgumentError("This is not a share between 0 and 1, like 0.2.");
  return value;
}

/** Words between commas. */
export function list(text: string): string[] {
  return text.split(",").map((word) => word.trim());
}

/** `--sensors s2,s1`. */
export function sensorsOption(what: string): Option {
  return new Option("--sensors <list>", what).argParser<SensorName[]>((text) => {
    const names = list(text);
    const unknown = names.find((name) => !sensorNames.includes(name as SensorName));
    if (unknown !== undefined) throw new InvalidArgumentError(`Choose from ${sensorNames.join(", ")}.`);
    return sensorNames.filter((sensor) => names.includes(sensor));
  });
}
