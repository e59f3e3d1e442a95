import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";

/** The command line as it was built. */
export const main = new URL("../../dist/cli/main.node.js", import.meta.url).pathname;

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Start the command line, as a user would; the build is the one that vitest's set-up made. */
export function startCli(args: readonly string[], { cwd, env }: { cwd?: string; env?: Record<string, string> } = {}) {
  const child: ChildProcess = spawn(process.execPath, [main, ...args], {
    cwd,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const finished = new Promise<Finished>((resolve) => {
    const text = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"] as const) {
      child[name]!.setEncoding("utf8").on("data", (part: string) => {
        text[name] += part;
      });
    }
    child.on("close", (code, signal) => resolve({ code, signal, ...text }));
  });
  return { child, finished };
}

/** Run the command line to its end. */
export function cli(...args: string[]): Promise<Finished> {
  return startCli(args).finished;
}

/** A folder that goes when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "skysense-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A folder for all tests of a file; call `remove` when they have ended. */
export function temporaryFolderOfFile(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), "skysense-test-"));
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}
