import { asLodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Reason } from "@lodge/schemas/rpc/reasons.ts";
import type { SpecOf } from "@lodge/schemas/spec/kind.ts";
import { claimKey } from "../claim.ts";
import type { Draft } from "../ledger.ts";
import type { Policy } from "../policy.ts";
import type { Images } from "../port/images.ts";
import type { Entry } from "../port/store.ts";
import type { Record } from "../record.ts";
import type { Refusal } from "../refusal.ts";

/** The claims and references of an image. */
export function imageEntry(draft: Draft<"image">): Entry {
  return {
    record: draft,
    claims: [{ key: claimKey.name("image", draft.spec.name) }],
    references: [],
  };
}

/** What is particular to images. */
export function imagePolicy(images: Images): Policy<"image"> {
  return {
    kind: "image",
    entry: imageEntry,
    normalize,
    preflight: async (spec, current) => (current ? [] : pathRefusals(images, spec)),
    admit: async ({ spec, current }) => ({
      refusals: [],
      status: current
        ? { ...current.status, ...(current.status.phase === "failed" && { phase: "pending" }) }
        : {
            phase: "pending",
            message: "",
            sha256: spec.sha256 ?? "",
            format: "raw",
            size_bytes: 0,
            virtual_size_bytes: 0,
          },
      internal: current?.internal ?? {},
    }),
  };
}

/** Why an image cannot come from where its spec says. */
export async function pathRefusals(
  images: Images,
  { host_path }: SpecOf<"image">,
): Promise<Refusal[]> {
  if (host_path === undefined) {
    return [
      {
        reason: "SPEC_INVALID",
        path: ["host_path"],
        message: "a new image needs a file to come from",
        remedy: "Give the path of a file on the host, or upload the bytes.",
      },
    ];
  }
  try {
    await images.checkPath(host_path);
    return [];
  } catch (error) {
    const { message, reason, remedy, code } = asLodgeError(error);
    if (code !== "INVALID_ARGUMENT") throw error;
    return [{ reason: reason as Reason, path: ["host_path"], message, ...(remedy && { remedy }) }];
  }
}

/** Where an image came from is read at create alone: left out, or told as the fact that it is, it has not changed. */
function normalize(spec: SpecOf<"image">, current: Record<"image">): SpecOf<"image"> {
  const { host_path, sha256 } = current.spec;
  const isFact = spec.sha256 === undefined || spec.sha256 === current.status.sha256;
  const { sha256: _, ...rest } = spec;
  const digest = isFact ? sha256 : spec.sha256;
  return {
    ...rest,
    ...(spec.host_path === undefined && host_path !== undefined && { host_path }),
    ...(digest !== undefined && { sha256: digest }),
  };
}
