import { XMLParser, XMLValidator } from "fast-xml-parser";
import { type Annotated, type Annotation, badAnnotation, numbersOf } from "./annotation.ts";

const parser = new XMLParser({ parseTagValue: false, isArray: (name) => name === "object" || name === "point" });

type Element = { readonly [name: string]: unknown };
const elementOf = (value: unknown): Element =>
  typeof value === "object" && value !== null ? (value as Element) : {};
const textOf = (value: unknown) => (typeof value === "string" ? value.trim() : "");

/** Corners of an oriented box in DIOR-R, in their order around it. */
const dior = ["left_top", "right_top", "right_bottom", "left_bottom"].flatMap((at) => [`x_${at}`, `y_${at}`]);

/**
 * Read annotations of PASCAL VOC (`object/bndbox`), DIOR-R (`object/robndbox`) or FAIR1M (`objects/object/points`).
 * Coordinates are taken as they stand: VOC's own are counted from 1, those of remote sensing sets from 0.
 *
 * @throws SkySenseError `BAD_ANNOTATION`
 */
export function parseXml(text: string, file: string): Annotation {
  const validity = XMLValidator.validate(text);
  if (validity !== true) {
    throw badAnnotation(`line ${validity.err.line}: ${validity.err.msg.replace(/\.$/, "")}`, file, validity.err);
  }
  const root = elementOf(parser.parse(text)).annotation;
  if (root === undefined) throw badAnnotation('there is no element "annotation"', file);
  const { filename, source, size, object, objects } = elementOf(root);
  const list = [object ?? elementOf(objects).object ?? []].flat().map(elementOf);
  return {
    image: textOf(filename) || textOf(elementOf(source).filename) || undefined,
    size: sizeOf(elementOf(size)),
    objects: list.map((element, i) => objectOf(element, `object ${i + 1}`, file)),
  };
}

function sizeOf({ height, width }: Element): readonly [number, number] | undefined {
  const [h, w] = [Number(textOf(height)), Number(textOf(width))];
  // Some tools write 0 when they do not know.
  return h > 0 && w > 0 ? [h, w] : undefined;
}

function objectOf(element: Element, what: string, file: string): Annotated {
  const { name, possibleresult, difficult, bndbox, robndbox, points } = element;
  const label = textOf(name) || textOf(elementOf(possibleresult).name);
  if (label === "") throw badAnnotation(`${what} has no name`, file);
  const said = `${what} (${label})`;
  const corners = () => {
    if (robndbox !== undefined)
      return numbersOf(
        dior.map((key) => elementOf(robndbox)[key]),
        said,
        file,
      );
    if (bndbox !== undefined) {
      const box = elementOf(bndbox);
      return numbersOf([box.xmin, box.ymin, box.xmax, box.ymax], said, file);
    }
    const list = [elementOf(points).point ?? []].flat().map(textOf);
    // The first point stands there again as the fifth.
    if (list.length === 4 || list.length === 5) {
      return numbersOf(
        list.slice(0, 4).flatMap((point) => point.split(",")),
        said,
        file,
      );
    }
    throw badAnnotation(`${said} has no bndbox, no robndbox and no four points`, file);
  };
  return { name: label, corners: corners(), difficult: textOf(difficult) === "1" };
}
