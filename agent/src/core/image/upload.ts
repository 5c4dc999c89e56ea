import type { Images } from "../port/images.ts";
import type { ReconcilerContext } from "../reconciler.ts";
import type { Record } from "../record.ts";
import { refusalError } from "../refusal.ts";
import type { Principal, PutRequest } from "../decide.ts";
import type { ObjectService } from "../service.ts";
import { runStep } from "../step.ts";
import { readyStatus, type ImageReconciler } from "./reconcile.ts";

export interface UploadOptions {
  readonly context: ReconcilerContext;
  readonly service: ObjectService<"image">;
  readonly reconciler: ImageReconciler;
  readonly images: Images;
}

export interface UploadRequest extends PutRequest<"image"> {
  /** How many bytes will come. */
  readonly sizeBytes: number;
}

/**
 * Makes an image from the bytes that a client sends. The record comes after the verified file, so that a broken stream
 * leaves nothing behind; what the death of the agent leaves is removed at its next start.
 */
export async function uploadImage(
  { context, service, reconciler, images }: UploadOptions,
  { sizeBytes, ...request }: UploadRequest,
  principal: Principal,
  chunks: AsyncIterable<Uint8Array>,
  signal: AbortSignal,
): Promise<Record<"image">> {
  const adopted = await service.adopted(request, principal);
  if (adopted) return adopted;
  // What speaks against it is better said before gigabytes have come.
  const [first, ...others] = (await service.validate(request, principal)).filter(
    ({ path }) => path[0] !== "host_path",
  );
  if (first) throw refusalError([first, ...others]);
  const { id, spec } = request;
  using sender = await reconciler.receiving(id);
  const facts = await runStep(context, "receive_image", { kind: "image", id }, () =>
    images.receive(
      { imageId: id, sizeBytes, ...(spec.sha256 !== undefined && { sha256: spec.sha256 }) },
      chunks,
      signal,
    ),
  );
  try {
    const record = await service.putWith(request, principal, {
      status: readyStatus(facts),
      internal: { uploaded: true },
    });
    if (record.id !== id) await images.delete(id);
    return record;
  } catch (error) {
    const known = await context.ledger.store.get("image", id);
    // The same file may be what another sender of the image is about to record.
    if (!known && sender.alone) await images.delete(id);
    throw error;
  }
}
