import { execFileSync } from "node:child_process";

/** Worker threads load the build, so the build must be that of the sources under test. */
export default function setup(): void {
  execFileSync("npm", ["run", "--silent", "build"], { stdio: "inherit" });
}
