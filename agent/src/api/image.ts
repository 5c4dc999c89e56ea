import type { UploadImageRequest } from "@lodge/schemas/gen/lodge/agent/v1/image_pb.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { CallContext, ServiceBinding } from "@lodge/schemas/rpc/service.ts";
import type { Core } from "../core/agent.ts";
import type { Log } from "../lib/log.ts";
import { audit } from "./audit.ts";
import { firstPart } from "./first-part.ts";
import { objectMessage, objectService, putRequest } from "./object.ts";
import { principalKey } from "./principal.ts";

/** The service of images: that of every kind, and Upload. */
export function imageService(core: Core, log: Log): ServiceBinding {
  return objectService(core, log, "image", {
    upload: async (requests: AsyncIterable<UploadImageRequest>, context: CallContext) => {
      const { first, rest } = await firstPart(requests, ({ part }) =>
        part.case === "start" ? part.value : undefined,
      );
      if (!first.put) throw lodgeError("REQUEST_INVALID", "The upload names no image.");
      const put = putRequest("image", first.put);
      audit(log, context, "image", put.id);
      const record = await core.upload(
        { ...put, sizeBytes: Number(first.sizeBytes) },
        context.get(principalKey),
        chunks(rest),
        context.signal,
      );
      return objectMessage(core.host.name, record);
    },
  });
}

async function* chunks(requests: AsyncIterable<UploadImageRequest>): AsyncGenerator<Uint8Array> {
  for await (const { part } of requests) {
    if (part.case !== "data") throw lodgeError("REQUEST_INVALID", "The upload begins twice.");
    yield part.value;
  }
}
