import { type ChildProcess, spawn, spawnSync } from "node:child_process";

const found = spawnSync("mpirun", ["--version"], { encoding: "utf8" });

/** Whether this machine has Open MPI; what needs it is skipped with a message otherwise. */
export const mpiIsThere = found.status === 0 && found.stdout.includes("Open MPI");
if (!mpiIsThere)
  console.warn("MPI is not tested: there is no mpirun of Open MPI (Debian: apt-get install openmpi-bin)");

/** Command-line flags of `mpirun` as docs/distributed.md has them. */
export const mpirunFlags = ["--allow-run-as-root", "--oversubscribe", "--bind-to", "none"];

export interface MpirunFinished {
  code: number | null;
  stdout: string;
  stderr: string;
}

/** Start `ranks` processes of Node. */
export function startMpirun(
  ranks: number,
  args: readonly string[],
): { child: ChildProcess; finished: Promise<MpirunFinished> } {
  const child = spawn("mpirun", [...mpirunFlags, "-n", `${ranks}`, process.execPath, ...args], { stdio: "pipe" });
  const finished = new Promise<MpirunFinished>((resolve) => {
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]!.setEncoding("utf8").on("data", (part: string) => {
        text[name] += part;
      });
    }
    child.on("close", (code) => resolve({ code, ...text }));
  });
  return { child, finished };
}
