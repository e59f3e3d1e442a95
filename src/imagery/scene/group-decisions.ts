import type { SensorName } from "../../core/place.ts";
import type { Decision } from "./scene.ts";

/** The same finding for all files of which it was found. */
export interface GroupedDecision {
  /** As found of the first file; "…" follows where other files differ. */
  what: string;
  from: string;
  /** In the order of the decisions; empty: the finding is about the scene. */
  files: readonly string[];
  /** Absent: all sensors. */
  sensor?: SensorName;
  /** What was found of each file, where files differ; else empty. */
  each: readonly Decision[];
}

/** Decisions of one kind as one, so that hundreds of files do not hide what was found of them. */
export function groupDecisions(decisions: readonly Decision[]): GroupedDecision[] {
  const groups = new Map<string, Decision[]>();
  for (const decision of decisions) {
    const key = `${decision.sensor ?? ""} ${kindOf(decision.what)}`;
    groups.set(key, [...(groups.get(key) ?? []), decision]);
  }
  return [...groups.values()].map((group) => {
    const { what, from, sensor } = group[0]!;
    const whats = new Set(group.map((decision) => decision.what));
    const froms = new Set(group.map((decision) => decision.from));
    return {
      what: whats.size > 1 ? `${what}, …` : what,
      from: froms.size > 1 ? `${from}; …` : from,
      files: [...new Set(group.flatMap(({ file }) => (file === undefined ? [] : [file])))],
      ...(sensor !== undefined && { sensor }),
      each: whats.size > 1 || froms.size > 1 ? group : [],
    };
  });
}

/** One line: "units 0-255 ← type uint8 (10 files)". */
export function decisionLine({ what, from, files }: GroupedDecision): string {
  const who = files.length === 0 ? "" : ` (${files.length > 1 ? `${files.length} files` : baseName(files[0]!)})`;
  return `${what} ← ${from}${who}`;
}

/** Dates and shares differ between files without being different findings. */
function kindOf(what: string): string {
  return what.replace(/^(?:\d+ )?dates? \d.*/, "dates").replace(/^[\d.]+ % of/, "share of");
}

function baseName(path: string): string {
  return path.split(/[/\\]/).at(-1)!;
}
