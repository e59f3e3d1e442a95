/** The command as it could be pasted into a shell. */
export function commandLine(args: readonly string[]): string {
  return ["skysense", ...args].map(quote).join(" ");
}

function quote(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
