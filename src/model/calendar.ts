import { SkySenseError } from "../core/error.ts";

/**
 * Which tokens get a date code (specification §3.3 step 5, §9 trap 12): `s2` only Sentinel-2 tokens, as the official
 * code does; `dated` every token with a date; `none`.
 */
export type Calendar = { kind: "s2" | "dated"; days: number } | { kind: "none" };

/**
 * Row of the calendar table for a date: day of the year − 1, counted in UTC. 31 December of a leap year has no row in
 * a table of 365 and takes the last one.
 *
 * @param date  ISO 8601, "2020-02-29" or with a time.
 * @throws SkySenseError `BAD_DATE`
 */
export function dayIndex(date: string, days = 365): number {
  const match = /^(\d{4})-(\d{2})-(\d{2})(?:$|[T ])/.exec(date);
  const [year, month, day] = match === null ? [] : match.slice(1).map(Number);
  const time = Date.UTC(year ?? Number.NaN, (month ?? 0) - 1, day);
  if (Number.isNaN(time) || new Date(time).getUTCMonth() !== month! - 1) {
    throw new SkySenseError({
      code: "BAD_DATE",
      what: `"${date}" is no date`,
      remedy: 'Write dates as "2023-05-17".',
    });
  }
  return Math.min(Math.round((time - Date.UTC(year!, 0, 1)) / 86_400_000), days - 1);
}
