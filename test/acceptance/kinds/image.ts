import { createHash } from "node:crypto";
import { declare } from "../../harness/acceptance/kind.ts";
import { contents } from "../../harness/acceptance/place.ts";
import { hostsChange, nameChange, onlyTerraformKnows, timeoutsChange } from "./common.ts";

const sha256 = createHash("sha256").update(contents.small).digest("hex");

export const image = declare({
  kind: "image",
  minimal: ({ files }) => ({ host_path: files.small }),
  full: [
    {
      title: "from the host",
      config: ({ host, files }) => ({
        hosts: [host],
        host_path: files.small,
        sha256,
        timeouts: { create: "5m", update: "6m", delete: "7m" },
      }),
    },
    {
      title: "sent",
      config: ({ files }) => ({ local_path: files.small, sha256 }),
    },
  ],
  empty: [({ files }) => ({ host_path: files.small, timeouts: {} })],
  changes: [
    nameChange,
    hostsChange,
    timeoutsChange,
    { to: [({ files }) => ({ host_path: files.other })], action: "replace" },
    {
      title: "the digest that it has",
      to: [{ sha256 }],
      action: "no-op",
    },
    {
      from: ({ files }) => ({ host_path: null, local_path: files.small }),
      to: [({ files }) => ({ host_path: null, local_path: files.other })],
      action: "replace",
    },
  ],
  unchangeable: {},
  notImported: {
    ...onlyTerraformKnows,
    local_path: "The file that an image was sent from is not known to the host.",
  },
  mayBeNull: {},
  foreign: [
    ({ files }) => ({ name: "1", host_path: files.small }),
    ({ files }) => ({ name: "count", host_path: files.other }),
  ],
  refused: [
    {
      title: "of nowhere",
      config: {},
      at: undefined,
      says: /exactly one of host_path and local_path/u,
      atPlan: true,
    },
    {
      title: "of two places",
      config: ({ files }) => ({ host_path: files.small, local_path: files.small }),
      at: "host_path",
      says: /exactly one of host_path and local_path/u,
    },
    {
      title: "a relative path",
      config: { host_path: "small.img" },
      at: "host_path",
      says: /must be an absolute path on the host/u,
    },
    {
      title: "a digest that is none",
      config: ({ files }) => ({ host_path: files.small, sha256: "abc" }),
      at: "sha256",
      says: /64 lower-case hexadecimal/u,
    },
    {
      title: "a local file that is not there",
      config: { local_path: "/nonexistent/kernel" },
      at: "local_path",
      says: /cannot be read/u,
      atPlan: true,
    },
    {
      title: "a local file of another digest",
      config: ({ files }) => ({ local_path: files.small, sha256: "0".repeat(64) }),
      at: "sha256",
      says: /has the digest/u,
      atPlan: true,
    },
    {
      title: "a file outside of what the agent allows",
      config: { host_path: "/etc/passwd" },
      at: "host_path",
      says: /may not be copied from/u,
      atPlan: true,
    },
  ],
});
