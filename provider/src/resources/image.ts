import type { PutImageRequest } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { ImageSpecSchema } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { toMessage } from "@lodge/schemas/convert.ts";
import { itemOf, type Item } from "@lodge/schemas/kind-client.ts";
import { ImageSpec, ImageStatus } from "@lodge/schemas/spec/image.ts";
import * as z from "zod";
import type { Agent } from "../agent.ts";
import type { Hosts } from "../hosts.ts";
import { AttributeError } from "../sdk/diagnostic.ts";
import { resource, type PlanContext } from "../sdk/resource.ts";
import { isUnknown } from "../sdk/value/unknown.ts";
import { hostsAttribute, idAttribute, timeoutsAttribute } from "./common.ts";
import { within, type Deadline } from "./deadline.ts";
import { kindResource, type KindDefinition } from "./kind-resource.ts";
import { digestOf, fileChunks, sizeOf } from "./local-file.ts";
import { patiently } from "./patience.ts";
import { onHosts } from "./placement.ts";
import { graceful, outlook, persistently, put, settle } from "./put.ts";
import { specOf } from "./translate.ts";

const schema = z.object({
  id: idAttribute,
  ...hostsAttribute,
  ...ImageSpec.shape,
  local_path: z.string().optional().meta({
    description:
      "A file where Terraform runs, sent to the host when the image is made. It is not read again: to follow its content, set `sha256 = filesha256(…)`.",
  }),
  format: ImageStatus.shape.format,
  size_bytes: ImageStatus.shape.size_bytes,
  virtual_size_bytes: ImageStatus.shape.virtual_size_bytes,
  ...timeoutsAttribute,
});

type Plan = Readonly<Record<string, unknown>>;

const oneSource = "An image comes from exactly one of host_path and local_path.";

export const imageKind: KindDefinition<"image", typeof schema> = {
  kind: "image",
  schema,
  placement: onHosts,
  make,
  plan,
};

export const image = resource<Hosts>()({
  type: "lodge_image",
  version: 0,
  description:
    "An image that disks are made from, or a kernel or initial RAM disk that VMs boot. It never changes.",
  schema,
  rules: [
    {
      paths: ["host_path", "local_path"],
      test: ({ host_path, local_path }) =>
        host_path !== undefined && local_path !== undefined ? oneSource : undefined,
    },
  ],
  ...kindResource(imageKind),
});

function make(
  agent: Agent,
  values: Plan,
  { id }: { id: string },
  deadline: Deadline,
): Promise<Item<"image">> {
  const spec = specOf("image", values);
  const path = values["local_path"];
  return typeof path === "string"
    ? upload(agent, id, spec, path, deadline)
    : put(agent, "image", { id, spec }, deadline);
}

async function upload(
  agent: Agent,
  id: string,
  spec: ImageSpec,
  path: string,
  deadline: Deadline,
): Promise<Item<"image">> {
  const { signal } = deadline;
  const size = await sizeOf(path);
  const digest = () => digestOf(path, signal);
  const sha256 = spec.sha256 ?? (await within(deadline, `The image ${spec.name}`, digest));
  const sent = toMessage(ImageSpecSchema, { ...spec, sha256 });
  const request = { id, spec: sent } as unknown as PutImageRequest;
  let isSent = false;
  async function* parts() {
    isSent = false;
    yield { part: { case: "start" as const, value: { put: request, sizeBytes: BigInt(size) } } };
    for await (const data of fileChunks(path, signal))
      yield { part: { case: "data" as const, value: data } };
    isSent = true;
  }
  return settle(agent, "image", { id, spec }, deadline, () =>
    patiently(
      deadline,
      undefined,
      () =>
        persistently(deadline, async () => {
          // Until its last byte is sent, an upload can be broken off and nothing of it stays.
          using ends = graceful(signal, () => !isSent);
          const options = { signal: ends.signal, timeoutMs: Infinity };
          return itemOf("image", await agent.images.upload(parts(), options));
        }),
      outlook(agent, deadline),
    ),
  );
}

/**
 * A file that is to be sent must be there, and be the one that is meant where that is said; one that was sent is not
 * looked for again. The digest of a new image is not promised: its file may be made in the same apply, by a resource whose
 * attribute is its path.
 */
async function plan({
  config,
  planned,
  prior,
  changed,
  requireReplace,
  signal,
}: PlanContext<typeof schema, Hosts>): Promise<Plan> {
  const path = planned!.local_path;
  // One that was sent and then imported needs no file any more.
  if (!prior && path === null && config!.host_path === null)
    throw new AttributeError(["host_path"], oneSource);
  if (prior && !changed(["local_path"])) return {};
  // It may turn out to be another file: the plan in the apply may not ask for more than this one.
  if (prior && isUnknown(path)) requireReplace(["local_path"]);
  if (typeof path !== "string") return {};
  const sha256 = await digestOf(path, signal).catch((cause: unknown) => {
    signal.throwIfAborted();
    const remedy =
      "Where another resource of this apply makes it, take the path from an attribute of that resource that is known after the apply.";
    throw new AttributeError(
      ["local_path"],
      `${path} cannot be read: ${(cause as Error).message}. ${remedy}`,
      { cause },
    );
  });
  const wanted = config!.sha256;
  if (prior && prior.sha256 !== sha256) requireReplace(["local_path"]);
  if (!prior && typeof wanted === "string" && wanted !== sha256)
    throw new AttributeError(["sha256"], `${path} has the digest ${sha256}, not ${wanted}.`);
  return prior ? {} : { sha256 };
}
