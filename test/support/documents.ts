import { readdirSync, readFileSync } from "node:fs";
import { join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const notOurs = ["node_modules", "dist", "out", "coverage", ".git"];

/** Documents of the repository, relative to its root. */
export const markdownFiles = listMarkdown(root);

function listMarkdown(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return folder === root && notOurs.includes(entry.name) ? [] : listMarkdown(path);
    return entry.name.endsWith(".md") ? [relative(root, path)] : [];
  });
}

/** Text of a file of the repository. */
export function readDocument(name: string): string {
  return readFileSync(join(root, name), "utf8");
}
