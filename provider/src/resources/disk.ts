import { DiskSpec, DiskStatus, diskRules } from "@lodge/schemas/spec/disk.ts";
import { formatSize, parseSize } from "@lodge/schemas/spec/size.ts";
import * as z from "zod";
import type { Hosts } from "../hosts.ts";
import { resource } from "../sdk/resource.ts";
import { hostAttributes, idAttribute, timeoutsAttribute } from "./common.ts";
import { kindResource, type KindDefinition } from "./kind-resource.ts";
import { onOneHost } from "./placement.ts";
import { shrinkRefusal } from "./shrink.ts";

const schema = z.object({
  id: idAttribute,
  ...hostAttributes,
  ...DiskSpec.shape,
  size: DiskSpec.shape.size.meta({ ...DiskSpec.shape.size.meta(), computed: "volatile" }),
  size_bytes: DiskStatus.shape.size_bytes,
  format: DiskStatus.shape.format,
  ...timeoutsAttribute,
});

export const diskKind: KindDefinition<"disk", typeof schema> = {
  kind: "disk",
  schema,
  placement: onOneHost,
  ownerOf: ({ status }) => status.owner_vm_id,
  derive: ({ spec, status }) => ({ size: formatSize(spec.size ?? status.size_bytes) }),
  plan({ planned, prior, config, diagnostics, replaces }) {
    // A disk that has its size keeps it where none is wished for, so that what refers to it does not change either.
    const isMade = prior && prior.size_bytes > 0 && parseSize(prior.size!) === prior.size_bytes;
    if (isMade && config!.size === null && !replaces()) planned!.size = prior.size;
    const refusal = prior && !replaces() && shrinkRefusal(planned!.size, prior.size_bytes);
    if (refusal) diagnostics.error("Unable to shrink the disk", refusal, ["size"]);
    const bytes = typeof planned!.size === "string" ? parseSize(planned!.size) : undefined;
    if (bytes !== undefined) planned!.size_bytes = bytes;
  },
};

export const disk = resource<Hosts>()({
  type: "lodge_disk",
  version: 0,
  description: "A disk that stands by itself: it outlives the VMs that it is attached to.",
  schema,
  rules: diskRules,
  ...kindResource(diskKind),
});
