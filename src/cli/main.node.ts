#!/usr/bin/env node
import { Command, CommanderError } from "commander";
import { SkySenseError } from "../core/error.ts";
import { software } from "../embed/software.ts";
import { addData } from "./data.node.ts";
import { addEmbed } from "./embed.node.ts";
import { addForward } from "./forward.node.ts";
import { addInspect } from "./inspect.node.ts";
import { addModels } from "./models.node.ts";
import { addPretrain } from "./pretrain.node.ts";
import { addProbe } from "./probe.node.ts";
import { tasks } from "./tasks.node.ts";

/** Exit codes: 0 done, 1 our own bug, 2 wrong input or options, 130 interrupted. */
async function main(argv: readonly string[]): Promise<number> {
  const interrupt = new AbortController();
  process.once("SIGINT", () => interrupt.abort(new Error("interrupted")));
  process.once("SIGTERM", () => interrupt.abort(new Error("interrupted")));
  // Whoever reads the output may have seen enough, as `head` has.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
    process.exit(0);
  });
  const program = new Command("skysense")
    .description("SkySense: features of satellite and aerial images")
    .version(software)
    .exitOverride()
    .configureOutput({ outputError: (text, write) => write(text.replace(/^error: /, "skysense: ")) });
  program.setOptionValue("signal", interrupt.signal);
  addEmbed(program);
  addInspect(program);
  addModels(program);
  addProbe(program);
  addPretrain(program);
  for (const addTask of tasks) addTask(program);
  addForward(program);
  addData(program);
  try {
    await program.parseAsync(argv as string[]);
    return 0;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
    if (interrupt.signal.aborted) {
      console.error("skysense: interrupted; run the same command again to go on");
      return 130;
    }
    if (error instanceof SkySenseError) {
      console.error(`skysense: ${error.message}`);
      return 2;
    }
    console.error(error);
    return 1;
  }
}

process.exitCode = await main(process.argv);
