import { SkySenseError } from "../../../core/error.ts";

/** One object as a file describes it. */
export interface Annotated {
  name: string;
  /** Corners x₁, y₁, x₂, y₂ of a horizontal box, or the four corners of an oriented one; pixels. */
  corners: readonly number[];
  /** Not counted when a detector is judged. */
  difficult: boolean;
  /** What it is called in messages. Default: "object" and its position. */
  called?: string;
}

/** What one annotation file says of one image. */
export interface Annotation {
  /** The image's file name, where the file has one. */
  image: string | undefined;
  /** Height and width in pixels, where the file has them. */
  size: readonly [number, number] | undefined;
  objects: readonly Annotated[];
}

/** An annotation that cannot be read. */
export function badAnnotation(what: string, where: string, cause?: unknown): SkySenseError {
  return new SkySenseError({
    code: "BAD_ANNOTATION",
    what: `the annotation is not valid: ${what}`,
    where,
    remedy: "Correct the file, or fetch it again.",
    cause,
  });
}

/** @throws SkySenseError `BAD_ANNOTATION` unless all are finite numbers */
export function numbersOf(values: readonly unknown[], what: string, where: string): number[] {
  return values.map((value) => {
    const text = String(value ?? "").trim();
    const number = Number(text);
    if (text !== "" && Number.isFinite(number)) return number;
    throw badAnnotation(`${what} has ${text === "" ? "no number" : `"${text}"`} where a coordinate must be`, where);
  });
}
