import { type Annotated, type Annotation, badAnnotation, numbersOf } from "./annotation.ts";

/**
 * Read a text of DOTA (https://captain-whu.github.io/DOTA): after lines `imagesource:…` and `gsd:…`, one object a line,
 * `x1 y1 x2 y2 x3 y3 x4 y4 class difficult`, the last of which may be missing. An empty text is an image without objects.
 *
 * @throws SkySenseError `BAD_ANNOTATION`
 */
export function parseDota(text: string, file: string): Annotation {
  const objects = text.split(/\r?\n/).flatMap((line, i): Annotated[] => {
    const words = line.trim().split(/[\s,]+/);
    if (words[0] === "" || /^(imagesource|gsd|acquisition)/i.test(words[0]!)) return [];
    if (words.length < 9 || words.length > 10) {
      throw badAnnotation(`line ${i + 1} has ${words.length} words instead of 9 or 10`, file);
    }
    const corners = numbersOf(words.slice(0, 8), `line ${i + 1}`, file);
    return [{ name: words[8]!, corners, difficult: words[9] !== undefined && words[9] !== "0" }];
  });
  return { image: undefined, size: undefined, objects };
}
