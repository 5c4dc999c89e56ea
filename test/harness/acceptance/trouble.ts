/** What can go wrong in the middle of an apply: on the host, in the agent, in the provider, at the keyboard. */
import type { Faults, Moment } from "@lodge/agent/core/port/faults.fake.ts";
import type { StepMoment, StepName } from "@lodge/agent/core/step.ts";
import type { World } from "@lodge/agent/core/testing/world.ts";
import { identify, signalProcess } from "@lodge/agent/lib/process.ts";
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

type Happened = () => boolean;

export interface Trouble {
  readonly title: string;
  /** Sees to it that it comes once. Call what it returns to know whether it has come. */
  readonly arrange: (scene: Scene) => Happened;
}

const full = () =>
  lodgeError("DISK_FULL", "The file system has 0 bytes free.", { remedy: "Make room." });

/** Lets the next call of a method fail at a moment. */
function fail<Method extends string>(
  faults: Faults<Method>,
  method: Method,
  moment: Moment,
): Happened {
  let happened = false;
  faults.hook = (called, now) => {
    if (called !== method || now !== moment) return;
    faults.hook = undefined;
    happened = true;
    throw full();
  };
  return () => happened;
}

type Fail = (world: World, moment: Moment) => Happened;

const calledOnHost: Readonly<Record<string, Fail>> = {
  "networks.set": ({ networks }, moment) => fail(networks.faults, "set", moment),
  "networks.plug": ({ networks }, moment) => fail(networks.faults, "plug", moment),
  "images.copy": ({ images }, moment) => fail(images.faults, "copy", moment),
  "images.receive": ({ images }, moment) => fail(images.faults, "receive", moment),
  "disks.create": ({ disks }, moment) => fail(disks.faults, "create", moment),
  "hypervisor.start": ({ hypervisor }, moment) => fail(hypervisor.faults, "start", moment),
};

/** A guest that has been started in half is none: the fake's call has no middle. */
const withoutMiddle = "hypervisor.start";

/** Every call that changes the host in a create, failing before, in and after its effect. */
const hostFails: readonly Trouble[] = Object.entries(calledOnHost).flatMap(([call, fails]) =>
  (["before", "during", "after"] satisfies Moment[])
    .filter((moment) => moment !== "during" || call !== withoutMiddle)
    .map((moment) => ({
      title: `${call} fails ${moment} its effect`,
      arrange: ({ agent }) => fails(agent.world, moment),
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
      let happened = false;
      agent.world.onStep = (name, now) => {
        if (name !== step || now !== moment) return undefined;
        agent.world.onStep = undefined;
        happened = true;
        agent.world.end();
        agent.cut();
        setTimeout(() => void agent.restart(), 50);
        return new Promise(() => {});
      };
      return () => happened;
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

/** Something happens to Terraform or the provider around the first call of a method, if they still live. */
const around = (
  title: string,
  moment: "before" | "after",
  happens: (scene: Scene) => boolean,
): readonly Trouble[] =>
  calls.map((call) => ({
    title: `${title} ${moment} ${call}`,
    arrange: (scene) => {
      let happened = false;
      scene.agent.stands.set(call, async (request, context, handler) => {
        scene.agent.stands.delete(call);
        if (moment === "before") happened = happens(scene);
        const answer = await handler(request as never, context);
        if (moment === "after") happened = happens(scene);
        return answer;
      });
      return () => happened;
    },
  }));

const killProvider = ({ workspace, running }: Scene) => {
  const providers = workspace.processes().filter((pid) => pid !== running().child.pid);
  const found = providers.map(identify).filter((provider) => provider !== undefined);
  for (const provider of found) signalProcess(provider, "SIGKILL");
  return found.length > 0;
};

const interrupt = ({ running }: Scene) => {
  const { child, signalGroup } = running();
  signalGroup("SIGINT");
  return child.exitCode === null;
};

export const troubles: readonly Trouble[] = [
  ...hostFails,
  ...agentDies,
  ...around("the provider is killed", "before", killProvider),
  ...around("the provider is killed", "after", killProvider),
  ...around("Ctrl-C", "before", interrupt),
  ...around("Ctrl-C", "after", interrupt),
];
