import type { Interval } from "../evaluate/bootstrap.ts";
import { duration } from "./progress.node.ts";

/** "61.2 %"; "–" where there is none. */
export function percent(share: number | null): string {
  return share === null || Number.isNaN(share) ? "–" : `${(100 * share).toFixed(1)} %`;
}

/** "mIoU 61.2 % (95 %: 58.0 % to 64.1 %)"; of one item without interval. */
export function scored(name: string, share: number | null, { low, high }: Interval): string {
  if (Number.isNaN(low)) return `${name} ${percent(share)}`;
  return `${name} ${percent(share)} (95 %: ${percent(low)} to ${percent(high)})`;
}

/** ", 12.34 ha"; nothing where it is not known. */
export function hectaresText(hectares: number | undefined): string {
  return hectares === undefined ? "" : `, ${Number(hectares.toPrecision(4))} ha`;
}

export function printFiles(files: readonly string[]): void {
  for (const file of files) console.log(`  ${file}`);
}

export function printFailures(failures: readonly { id: string; reason: string }[]): void {
  for (const { id, reason } of failures) console.error(`warning: ${id} was left out: ${reason}`);
}

/** What is said before a map: what is doubtful about its images, and where an interrupted run went on. */
export function printBeginning({
  warnings,
  resumedRows,
}: {
  warnings: readonly string[];
  resumedRows: number;
}): void {
  for (const warning of warnings) console.error(`warning: ${warning}`);
  if (resumedRows > 0) console.log(`went on from row ${resumedRows} of an interrupted run`);
}

/** How much of a map each class is. */
export function printAreas(areas: readonly { name: string; share: number; hectares: number | undefined }[]): void {
  for (const { name, share, hectares } of areas) {
    if (share > 0) console.log(`  ${name} ${percent(share)}${hectaresText(hectares)}`);
  }
}

export function printSeconds(seconds: Readonly<Record<"reading" | "computing" | "writing", number>>): void {
  console.log(
    (["reading", "computing", "writing"] as const).map((part) => `${part} ${duration(seconds[part])}`).join(", "),
  );
}
