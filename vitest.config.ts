import { defineConfig } from "vitest/config";

/** `--mode slow` runs the `*.slow.test.ts` files, one at a time, since they measure time and memory. */
export default defineConfig(({ mode }) => {
  const slow = mode === "slow";
  return {
    test: {
      include: slow ? ["{src,test}/**/*.slow.test.ts"] : ["{src,test}/**/*.test.ts"],
      exclude: slow ? [] : ["**/*.slow.test.ts"],
      globalSetup: "test/build.ts",
      pool: "forks",
      testTimeout: slow ? 600_000 : 30_000,
      fileParallelism: !slow,
    },
  };
});
