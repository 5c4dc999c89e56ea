import * as z from "zod";
import { objectId, objectName, progressStatus } from "./field.ts";
import type { Rule } from "./rule.ts";
import { size } from "./size.ts";

const MiB = 2 ** 20;

/** The size of a disk: what a guest sees. */
export const diskSize = size({ min: MiB, max: 64 * 2 ** 40, step: MiB });

/** What is wanted of a disk. */
export const DiskSpec = z.object({
  name: objectName.meta({ description: "The disk's name, unique on its host.", update: "live" }),
  size: diskSize.optional().meta({
    description:
      "The disk's size, for example `8GiB`. It grows in place, also under a running guest, and never shrinks. Default: the image's size; without an image it is required.",
    update: "live",
  }),
  image_id: objectId.optional().meta({
    description: "The image that the disk starts as. Without one it is blank.",
    update: "replace",
  }),
  deletion_protection: z.boolean().default(false).meta({
    description: "Refuses to delete the disk.",
    update: "live",
  }),
});
export type DiskSpec = z.output<typeof DiskSpec>;

/** What a disk is. */
export const DiskStatus = z.object({
  ...progressStatus,
  size_bytes: z.int().meta({ description: "The disk's size in bytes.", computed: "volatile" }),
  format: z
    .enum(["qcow2"])
    .meta({ description: "The format of the disk's file.", computed: "stable" }),
  owner_vm_id: z.string().nullable().meta({
    description: "The VM that the disk was declared in and is deleted with.",
    computed: "stable",
  }),
  attached_vm_id: z.string().nullable().meta({
    description: "The VM that the disk is attached to now.",
    computed: "volatile",
  }),
});
export type DiskStatus = z.output<typeof DiskStatus>;

/** Rules across a disk's fields. */
export const diskRules: readonly Rule<DiskSpec>[] = [
  {
    paths: ["size", "image_id"],
    test: ({ size: bytes, image_id }) =>
      bytes === undefined && image_id === undefined ? "a blank disk needs a size" : undefined,
  },
];
