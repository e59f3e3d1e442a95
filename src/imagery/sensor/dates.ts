const compact = /(?<!\d)((?:19|20)\d\d)(\d\d)(\d\d)(?:T(\d\d)(\d\d)(\d\d)?)?(?!\d)/;
const separated =
  /(?<!\d)((?:19|20)\d\d)[-_:/.](\d\d)[-_:/.](\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:\.\d+)?)?(?:Z|\+00:?00)?)?(?!\d)/;

/** The first real date in a text ("S2A_MSIL2A_20170617T113321_36_85", "2020-01-05 B04"), and what stands around it. */
export function findDate(text: string): { date: string; rest: string } | undefined {
  for (const pattern of [separated, compact]) {
    for (const match of text.matchAll(new RegExp(pattern, "g"))) {
      const date = isoDate(match.slice(1));
      if (date !== undefined) {
        return { date, rest: `${text.slice(0, match.index)} ${text.slice(match.index + match[0].length)}`.trim() };
      }
    }
  }
  return undefined;
}

/**
 * ISO 8601 of a text that is one date and nothing else: "2020-01-05", "20200105T103421", "2016:08:16 00:00:00".
 *
 * @returns "2020-01-05" or "2020-01-05T10:34:21Z"; undefined: the text is no date ("2020-02-30", "summer")
 */
export function parseDate(text: string): string | undefined {
  const found = findDate(text.trim());
  return found?.rest === "" ? found.date : undefined;
}

/** The day of an ISO date: "2020-01-05". */
export function dayOf(date: string): string {
  return date.slice(0, 10);
}

function isoDate(parts: (string | undefined)[]): string | undefined {
  const [year, month, day, hour, minute, second = "00"] = parts;
  const iso = `${year}-${month}-${day}`;
  const time = `${hour ?? "00"}:${minute ?? "00"}:${second}`;
  const instant = new Date(`${iso}T${time}Z`);
  // JavaScript turns 31 June into 1 July: only what comes back as it went in is a date.
  if (Number.isNaN(instant.getTime()) || instant.toISOString().slice(0, 19) !== `${iso}T${time}`) return undefined;
  return hour === undefined ? iso : `${iso}T${time}Z`;
}
