/** Ends the agent at a named step, as a crash would: how tests go through every moment at which it can die. */
import { stepNames, type StepHook, type StepMoment, type StepName } from "../../core/step.ts";

/** The environment variable: `STEP:before` or `STEP:after`, and `:N` for the Nth time. */
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
  const { step, moment, count } = parseFailpoint(text);
  let seen = 0;
  return (name, at) => {
    if (name === step && at === moment && ++seen === count) die();
  };
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
