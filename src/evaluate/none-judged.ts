import { SkySenseError } from "../core/error.ts";

/** What there is to say where not one image of a set could be judged. */
export function noneJudged(failures: readonly { id: string; reason: string }[]): SkySenseError {
  const named = failures.map(({ id, reason }) => `${id}: ${reason}`).join("; ");
  return new SkySenseError({
    code: "TOO_MANY_UNREADABLE",
    what: "no image could be judged",
    where: named.slice(0, 400),
    remedy: "Repair these files, or give another set.",
  });
}
