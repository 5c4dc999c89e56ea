import { declare } from "../../harness/acceptance/kind.ts";
import {
  hostChange,
  hostNotImported,
  nameChange,
  onlyTerraformKnows,
  protectionChange,
  timeoutsChange,
} from "./common.ts";

export const disk = declare({
  kind: "disk",
  minimal: { size: "4MiB" },
  full: [
    {
      config: ({ host }) => ({
        host,
        size: "8192KiB",
        image_id: "${lodge_image.small.id}",
        deletion_protection: true,
        timeouts: { create: "5m", update: "6m", delete: "7m" },
      }),
    },
    { title: "as large as its image", config: { image_id: "${lodge_image.small.id}" } },
  ],
  empty: [{ size: "4MiB", deletion_protection: false, timeouts: {} }],
  changes: [
    nameChange,
    hostChange,
    timeoutsChange,
    protectionChange,
    { to: [{ size: "8MiB" }, { size: "9MiB" }], oneWay: true },
    {
      title: "whose size is its image's",
      from: { size: null, image_id: "${lodge_image.small.id}" },
      to: [
        ({ name }) => ({
          name: `${name}-renamed`,
          size: null,
          image_id: "${lodge_image.small.id}",
        }),
      ],
    },
    { title: "spelled otherwise", to: [{ size: "4096KiB" }], action: "no-op", drift: "nothing" },
    {
      to: [{ image_id: "${lodge_image.small.id}" }, { image_id: "${lodge_image.other.id}" }],
      action: "replace",
    },
  ],
  unchangeable: {},
  notImported: { ...onlyTerraformKnows, ...hostNotImported },
  mayBeNull: {},
  foreign: [
    () => ({ name: "0", size: "1MiB" }),
    ({ n }) => ({ name: `${"x".repeat(50)}-${n}`, size: "5MiB", deletion_protection: true }),
    (_, id) => ({ name: "for-each", image_id: id("lodge_image.small") }),
  ],
  refused: [
    {
      title: "blank and without a size",
      config: {},
      at: undefined,
      says: /a blank disk needs a size/u,
    },
    {
      title: "a size without a unit",
      config: { size: "1024" },
      at: "size",
      says: /must be a size with an IEC unit such as/u,
    },
    {
      title: "half a mebibyte",
      config: { size: "512KiB" },
      at: "size",
      says: /between 1MiB and 64TiB, in steps of 1MiB; 512KiB is not/u,
    },
    {
      title: "an image by its name",
      config: { size: "4MiB", image_id: "small" },
      at: "image_id",
      says: /must be the id .* not its name/u,
    },
    {
      title: "an image that is not there",
      config: { size: "4MiB", image_id: "00000000-0000-4000-8000-000000000000" },
      at: "image_id",
      says: /no image/iu,
      atPlan: true,
    },
    {
      title: "that shrinks",
      from: { size: "8MiB" },
      config: { size: "4MiB" },
      at: "size",
      says: /cannot shrink: it has 8MiB/u,
      atPlan: true,
    },
    {
      title: "protected, and to be replaced",
      from: { size: "4MiB", deletion_protection: true },
      config: { image_id: "${lodge_image.small.id}", deletion_protection: true },
      at: "deletion_protection",
      says: /Set it to false and apply that first/u,
      atPlan: true,
    },
    {
      title: "smaller than its image",
      config: { size: "1MiB", image_id: "${lodge_image.kernel.id}" },
      at: "size",
      says: /smaller|at least|less/iu,
      atPlan: true,
    },
  ],
});
