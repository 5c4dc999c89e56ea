import type { Define } from "../command.ts";
import { exitCodes } from "../exit-code.ts";
import { Exit } from "../exit.ts";
import type { Io } from "../io.ts";
import { outputOption, print, type OutputOptions } from "../output.ts";
import { printable, styleFor, type Style, type Tone } from "../style.ts";
import { addTargetOptions, type TargetOptions } from "../target.ts";
import type { CheckStatus, Finding, World } from "./check.ts";
import { runChecks } from "./run-checks.ts";

const tones: Readonly<Record<CheckStatus, Tone>> = {
  ok: "good",
  warning: "warning",
  missing: "bad",
};

/** `lodge doctor`: what this machine and its agent lack. Changes nothing. */
export function doctor(makeWorld: (target: TargetOptions, io: Io) => Promise<World>): Define {
  return (command, io) => {
    addTargetOptions(command)
      .description(
        "Checks what this machine and its agent lack, with a remedy for each. It changes nothing.",
      )
      .addOption(outputOption())
      .addHelpText(
        "after",
        `
Each line is ok, a warning (it goes without, but worse) or missing; the exit code is 1 when something that is needed is
missing.

Examples:
  $ lodge doctor
  $ lodge doctor -o json | jq '.checks[] | select(.status != "ok")'`,
      )
      .action(async ({ output, ...target }: TargetOptions & OutputOptions) => {
        const findings = await runChecks(await makeWorld(target, io), io.signal);
        const healthy = findings.every(({ status }) => status !== "missing");
        const checks = findings.map(({ name, status, detail, remedy = null }) => ({
          name,
          status,
          detail,
          remedy,
        }));
        const style = styleFor(io.stdout, io.env);
        print(io, output, { ok: healthy, checks }, () => report(findings, style));
        if (!healthy) throw new Exit(exitCodes.failure);
      });
  };
}

function report(findings: readonly Finding[], style: Style): string {
  const width = Math.max(...findings.map(({ name }) => name.length));
  return findings
    .map(({ name, status, detail, remedy }) => {
      const line = `${style(tones[status], status.padEnd(7))}  ${name.padEnd(width)}  ${printable(detail)}`;
      return remedy
        ? `${line}\n${" ".repeat(width + 11)}${style("strong", printable(remedy))}`
        : line;
    })
    .join("\n");
}
