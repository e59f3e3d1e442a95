import { spawnSync } from "node:child_process";

/**
 * Worker threads load the build, so the build must be that of the sources under test. Type errors do not stop the
 * build and are reported by `npm run types`.
 */
export default function setup(): void {
  spawnSync("npm", ["run", "--silent", "build"], { stdio: "ignore" });
}
