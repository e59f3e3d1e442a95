import type { Command } from "commander";

/** The command that tasks are below ("finetune"); the first task makes it. */
export function groupOf(program: Command, name: string, summary: string): Command {
  return program.commands.find((command) => command.name() === name) ?? program.command(name).summary(summary);
}
