/** The first and the last instant that some dates cover, as RFC 3339 in UTC. */
export interface TimeSpan {
  start: string;
  end: string;
}

const iso = /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d+)?)?)(Z|[+-]\d{2}:?\d{2})?)?)?)?$/;

/**
 * What ISO 8601 dates cover together: "2023-05-17" is that whole day, "2023-05" that month; a time without a zone is
 * UTC. Unknown dates (undefined) are left out; undefined when none is known.
 */
export function timeSpan(dates: Iterable<string | undefined>): TimeSpan | undefined {
  let [start, end] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const date of dates) {
    const span = date === undefined ? undefined : instants(date);
    if (span === undefined) continue;
    start = Math.min(start, span[0]);
    end = Math.max(end, span[1]);
  }
  return start > end ? undefined : { start: rfc3339(start), end: rfc3339(end) };
}

/** The first and last millisecond of a date; undefined when it is none. */
function instants(date: string): [number, number] | undefined {
  const parts = iso.exec(date.trim());
  if (parts === null) return undefined;
  const [, year, month, day, time, zone] = parts;
  if (time !== undefined) {
    const at = Date.parse(`${year}-${month}-${day}T${time}${zone ?? "Z"}`);
    return Number.isNaN(at) ? undefined : [at, at];
  }
  const first = Date.parse(`${year}-${month ?? "01"}-${day ?? "01"}T00:00:00Z`);
  if (Number.isNaN(first)) return undefined;
  const next = new Date(first);
  if (day !== undefined) next.setUTCDate(next.getUTCDate() + 1);
  else if (month !== undefined) next.setUTCMonth(next.getUTCMonth() + 1);
  else next.setUTCFullYear(next.getUTCFullYear() + 1);
  return [first, next.getTime() - 1];
}

/** Without milliseconds where there are none. */
function rfc3339(milliseconds: number): string {
  return new Date(milliseconds).toISOString().replace(/\.(000|999)Z$/, "Z");
}
