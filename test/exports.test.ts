import { readFileSync } from "node:fs";
import { expect, test } from "vitest";

const root = new URL("../", import.meta.url);
const { exports }: { exports: Record<string, { types: string; default: string }> } = JSON.parse(
  readFileSync(new URL("package.json", root), "utf8"),
);

// Adding a name is a promise to keep it: the snapshot makes a review see it.
test.each(Object.entries(exports))("%s: exports these names", async (_, { types, default: file }) => {
  const declarations = readFileSync(new URL(types, root), "utf8");
  const values = Object.keys(await import(new URL(file, root).href));
  const exported = [...declarations.matchAll(/export (?:type )?\{([^}]*)\}/g)].flatMap(([, names]) =>
    names!.split(",").map((name) =>
      name
        .trim()
        .replace(/^type /, "")
        .replace(/^.* as /, ""),
    ),
  );
  const onlyTypes = exported.filter((name) => name !== "" && !values.includes(name));
  expect({ values: values.sort(), types: onlyTypes.sort() }).toMatchSnapshot();
});
