/** The host of acceptance tests that stand between calls and steps: a real API and core, on a host made of fakes. */
import { join } from "node:path";
import { CoreAgent, type CoreAgentOptions } from "../core-agent.ts";
import { imageFiles } from "./place.ts";

export interface FakeGround extends AsyncDisposable {
  readonly agent: CoreAgent;
  /** A file that images are made from, on the fake host. */
  readonly hosted: string;
  /** Another one, where Terraform runs. */
  readonly local: string;
}

export async function startFakeGround(options: CoreAgentOptions = {}): Promise<FakeGround> {
  const agent = await CoreAgent.start({ name: "dev", ...options });
  const { other } = await imageFiles(join(agent.files.directory, "import"));
  return {
    agent,
    hosted: "/images/debian",
    local: other,
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}
