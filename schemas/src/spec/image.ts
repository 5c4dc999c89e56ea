import * as z from "zod";
import { objectName, progressStatus, sha256 } from "./field.ts";

/** What is wanted of an image. Where it came from is read at create alone. */
export const ImageSpec = z.object({
  name: objectName.meta({ description: "The image's name, unique on its host.", update: "live" }),
  host_path: z
    .string()
    .regex(/^\/[^\0]+$/, { error: "must be an absolute path on the host" })
    .optional()
    .meta({
      description:
        "A file on the host to copy the image from, inside the directories that its agent allows.",
      update: "replace",
    }),
  sha256: sha256.optional().meta({
    description: "The SHA-256 digest of the file, verified before the image exists.",
    update: "replace",
    computed: "stable",
  }),
});
export type ImageSpec = z.output<typeof ImageSpec>;

/** What an image is. */
export const ImageStatus = z.object({
  ...progressStatus,
  sha256: z.string(),
  format: z
    .enum(["qcow2", "raw"])
    .meta({ description: "The format read from the file's own header.", computed: "stable" }),
  size_bytes: z.int().meta({ description: "The file's size in bytes.", computed: "stable" }),
  virtual_size_bytes: z.int().meta({
    description: "The size in bytes that a disk made from it has at least.",
    computed: "stable",
  }),
});
export type ImageStatus = z.output<typeof ImageStatus>;
