/** Ends the agent at a named step, as a crash would: how tests go through every moment at which it can die. */
import { readFileSync } from "node:fs";
import { stepNames, type StepHook, type StepMoment, type StepName } from "../../core/step.ts";

/**
 * The environment variable: `STEP:before` or `STEP:after`, and `:N` for the Nth time. Or the absolute path of a file
 * with that: it is looked for before every step until it is there, so that an agent's start does not count.
 */
export const failpointVariable = "LODGE_TEST_FAILPOINT";

interface Failpoint {
  readonly step: StepName;
  readonly moment: StepMoment;
  readonly count: number;
}

/** The hook that a failpoint asks for; undefined where none is set. Throws TypeError for one that would never come. */
export function failpointHook(
  text: string | undefined,
  die: () => void = () => void process.kill(process.pid, "SIGKILL"),
): StepHook | undefined {
  if (!text) return undefined;
  return text.startsWith("/") ? fromFile(text, die) : at(parseFailpoint(text), die);
}

function at({ step, moment, count }: Failpoint, die: () => void): StepHook {
  let seen = 0;
  return (name, now) => {
    if (name === step && now === moment && ++seen === count) die();
  };
}

function fromFile(path: string, die: () => void): StepHook {
  let hook: StepHook | undefined;
  return (name, moment) => {
    hook ??= readHook(path, die);
    return hook?.(name, moment);
  };
}

function readHook(path: string, die: () => void): StepHook | undefined {
  try {
    return at(parseFailpoint(readFileSync(path, "utf8").trim()), die);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function parseFailpoint(text: string): Failpoint {
  const [name, moment, count = "1", ...rest] = text.split(":");
  const step = stepNames.find((known) => known === name);
  const valid = (moment === "before" || moment === "after") && /^[1-9]\d*$/u.test(count);
  if (step && valid && rest.length === 0) return { step, moment, count: Number(count) };
  throw new TypeError(
    `${failpointVariable}=${text} is not STEP:before or STEP:after, with :N for the Nth time`,
  );
}
