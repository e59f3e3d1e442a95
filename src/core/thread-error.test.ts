import { expect, test } from "vitest";
import { SkySenseError } from "./error.ts";
import { packError, unpackError } from "./thread-error.ts";

test("packError: an error comes out of a structured clone as it went in", () => {
  const cause = new TypeError("no bytes");
  const error = new SkySenseError({ code: "X", what: "it broke", where: "a.tif", remedy: "Mend it.", cause });
  const back = unpackError(structuredClone(packError(error)));
  expect(back).toBeInstanceOf(SkySenseError);
  expect(back).toMatchObject({ code: "X", message: "it broke (a.tif). Mend it.", where: "a.tif", cause: "no bytes" });
  const short = unpackError(structuredClone(packError(new SkySenseError({ code: "Y", what: "w", cause: () => 1 }))));
  expect(short).toMatchObject({ code: "Y", message: "w.", where: undefined, cause: undefined });
});

test("packError: a bug keeps its stack, and anything that was thrown becomes an error", () => {
  const bug = new RangeError("internal: no");
  expect(unpackError(structuredClone(packError(bug)))).toMatchObject({ message: "internal: no", stack: bug.stack });
  expect(unpackError(structuredClone(packError("text")))).toMatchObject({ message: "text" });
});
