/** What can go wrong in the middle of an apply: on the host, in the agent, in the provider, at the keyboard. */
import type { Moment } from "@lodge/agent/core/port/faults.fake.ts";
import type { StepMoment, StepName } from "@lodge/agent/core/step.ts";
import type { World } from "@lodge/agent/core/testing/world.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { CoreAgent } from "../core-agent.ts";
import type { Running } from "../terraform.ts";
import type { Workspace } from "./workspace.ts";

/** An apply under way. */
export interface Scene {
  readonly agent: CoreAgent;
  readonly workspace: Workspace;
  readonly running: () => Running;
}

export interface Trouble {
  readonly title: string;
  /** Sees to it that it comes once. */
  readonly arrange: (scene: Scene) => void;
  /**
   * What was made may be kept for a state that never came to be: where the provider has told the agent of its answer,
   * and Terraform has not read it. The next apply then says how to take it over.
   */
  readonly loses?: true;
}

const full = () =>
  lodgeError("DISK_FULL", "The file system has 0 bytes free.", { remedy: "Make room." });

type Fail = (world: World, moment: Moment) => void;

const calledOnHost: Readonly<Record<string, Fail>> = {
  "networks.set": ({ networks }, moment) => networks.faults.failNext("set", full(), moment),
  "networks.plug": ({ networks }, moment) => networks.faults.failNext("plug", full(), moment),
  "images.copy": ({ images }, moment) => images.faults.failNext("copy", full(), moment),
  "images.receive": ({ images }, moment) => images.faults.failNext("receive", full(), moment),
  "disks.create": ({ disks }, moment) => disks.faults.failNext("create", full(), moment),
  "hypervisor.start": ({ hypervisor }, moment) =>
    hypervisor.faults.failNext("start", full(), moment),
};

/** Every call that changes the host in a create, failing before, in and after its effect. */
const hostFails: readonly Trouble[] = Object.entries(calledOnHost).flatMap(([call, fail]) =>
  (["before", "during", "after"] satisfies Moment[]).map((moment) => ({
    title: `${call} fails ${moment} its effect`,
    arrange: ({ agent }) => fail(agent.world, moment),
  })),
);

const steps: readonly StepName[] = [
  "commit_put",
  "set_network",
  "commit_network",
  "copy_image",
  "receive_image",
  "commit_image",
  "create_disk",
  "commit_disk",
  "plug_nic",
  "start_machine",
  "commit_vm",
];

/** The agent dies at a step, and is started again. */
const agentDies: readonly Trouble[] = steps.flatMap((step) =>
  (["before", "after"] satisfies StepMoment[]).map((moment) => ({
    title: `the agent dies ${moment} ${step}`,
    arrange: ({ agent }) => {
      agent.world.onStep = (name, now) => {
        if (name !== step || now !== moment) return undefined;
        agent.world.onStep = undefined;
        agent.world.end();
        agent.cut();
        setTimeout(() => void agent.restart(), 50);
        return new Promise(() => {});
      };
    },
  })),
);

const calls = [
  "NetworkService/Put",
  "AddressPoolService/Put",
  "ImageService/Put",
  "ImageService/Upload",
  "DiskService/Put",
  "VmService/Put",
] as const;

/** Something happens to Terraform or the provider around the first call of a method. */
const around = (
  title: string,
  moment: "before" | "after",
  happens: (scene: Scene) => void,
): readonly Trouble[] =>
  calls.map((call) => ({
    title: `${title} ${moment} ${call}`,
    arrange: (scene) =>
      void scene.agent.stands.set(call, async (request, context, handler) => {
        scene.agent.stands.delete(call);
        if (moment === "before") happens(scene);
        const answer = await handler(request as never, context);
        if (moment === "after") happens(scene);
        return answer;
      }),
  }));

const killProvider = ({ workspace, running }: Scene) => {
  for (const pid of workspace.processes()) {
    if (pid !== running().child.pid) process.kill(pid, "SIGKILL");
  }
};

export const troubles: readonly Trouble[] = [
  ...hostFails,
  ...agentDies,
  ...[
    ...around("the provider is killed", "before", killProvider),
    ...around("the provider is killed", "after", killProvider),
  ].map((trouble): Trouble => ({ ...trouble, loses: true })),
  ...around("Ctrl-C", "before", ({ running }) => running().signalGroup("SIGINT")),
  ...around("Ctrl-C", "after", ({ running }) => running().signalGroup("SIGINT")),
];
