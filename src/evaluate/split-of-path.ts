const splits: Record<string, string> = { train: "train", val: "val", valid: "val", validation: "val", test: "test" };

/** The split of a file below the folder of its set, with slashes: that of a folder on the way which is called so. */
export function splitOfPath(file: string): string | undefined {
  return file
    .split("/")
    .slice(0, -1)
    .map((part) => splits[part.toLowerCase()])
    .find((split) => split !== undefined);
}
