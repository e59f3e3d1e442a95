import { type Html, html } from "./html.ts";
import { foldedList, table } from "./pieces.ts";
import { tone } from "./tone.ts";

/** Something that was found out or assumed about the images. */
export interface Finding {
  /** "units dB*100". */
  what: string;
  /** How it is known: "option s1". */
  from: string;
  /** Names of the files that it is about. */
  files: readonly string[];
  /** One sentence a file, where files differ. */
  each?: readonly string[];
}

/** Every finding with its reason and its files, those of a sensor together, those of the place last. */
export function findingsTable(
  sensors: readonly { name: string; findings: readonly Finding[] }[],
  place: readonly Finding[],
): Html | undefined {
  const rows = [
    ...sensors.flatMap(({ name, findings }) =>
      findings.map((finding, i) => [i === 0 ? sensorLabel(name) : "", ...cells(finding)]),
    ),
    ...place.map((finding, i) => [i === 0 ? "Place" : "", ...cells(finding)]),
  ];
  if (rows.length === 0) return undefined;
  return table(
    [
      { heading: "", kind: "name" },
      { heading: "Found or assumed", kind: "text" },
      { heading: "How it is known", kind: "text" },
      { heading: "Files", kind: "text" },
    ],
    rows,
  );
}

/** "S2" with the sensor's colour. */
export function sensorLabel(name: string, text = name.toUpperCase()): Html {
  return html`<span class="sensor tone-${tone(name)}">${text}</span>`;
}

function cells({ what, from, files, each = [] }: Finding): (Html | string)[] {
  const differ = each.length > 0;
  const list = foldedList(differ ? each : files, { noun: "files", count: files.length, shown: differ ? 0 : 3 });
  return [what, from, files.length === 0 ? "" : list];
}
