import { isDeepStrictEqual } from "node:util";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { FileMark, ImageFacts, Images } from "../port/images.ts";
import {
  deleteRecord,
  Failures,
  statusMessage,
  type Reconciler,
  type ReconcilerContext,
} from "../reconciler.ts";
import type { Record } from "../record.ts";
import { runStep } from "../step.ts";
import { imageEntry } from "./service.ts";

type Of = { readonly kind: "image"; readonly id: string };

/** Makes images from the files that they come from, and ends them. */
export class ImageReconciler implements Reconciler {
  readonly #context: ReconcilerContext;
  readonly #images: Images;
  readonly #failures = new Failures();
  /** Images whose file this process has seen. */
  readonly #seen = new Set<string>();
  /** Of images whose file was refused: what that file was, as far as there was one. */
  readonly #refused = new Map<string, FileMark | undefined>();
  /** Images that a client is sending: their file is there before their record. */
  readonly #receiving = new Map<string, number>();
  /** Images whose file is being removed. */
  readonly #removing = new Map<string, Promise<unknown>>();

  constructor(context: ReconcilerContext, images: Images) {
    this.#context = context;
    this.#images = images;
  }

  /**
   * Keeps the file of an image without a record from being taken for a leftover, until the disposal. Resolves when a
   * leftover that is being removed is gone, so that nothing that comes from now on goes with it.
   */
  async receiving(id: string): Promise<Disposable & { readonly alone: boolean }> {
    const count = (change: number): void => {
      const now = (this.#receiving.get(id) ?? 0) + change;
      if (now === 0) this.#receiving.delete(id);
      else this.#receiving.set(id, now);
    };
    count(1);
    const receiving = this.#receiving;
    await this.#removing.get(id);
    return {
      /** Whether nobody else is sending the same image. */
      get alone() {
        return receiving.get(id) === 1;
      },
      [Symbol.dispose]: () => count(-1),
    };
  }

  /** The image has no file on the host, as far as is seen: the next turn looks for itself. */
  noteMissing(id: string): void {
    this.#seen.delete(id);
  }

  async reconcile(id: string, signal: AbortSignal): Promise<number | undefined> {
    const { ledger, clock } = this.#context;
    const of = { kind: "image", id } as const;
    const record = await ledger.store.get("image", id);
    if (!record || record.deletedAt !== undefined) return this.#end(of, record);
    if (record.status.phase === "ready" && this.#seen.has(id)) {
      await this.#status(of, record.status, record.specRevision);
      return undefined;
    }
    const retryAt = this.#failures.retryAt(id, record.specRevision, clock.now());
    if (
      retryAt !== undefined &&
      !(retryAt === Infinity && (await this.#isAnother(record, signal)))
    ) {
      return retryAt === Infinity ? undefined : retryAt;
    }
    const mark = await this.#mark(record);
    try {
      const facts = await this.#provide(of, record, signal);
      this.#seen.add(id);
      this.#failures.clear(id);
      this.#refused.delete(id);
      await this.#status(of, readyStatus(facts), record.specRevision);
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      const failure = this.#failures.failed(id, record.specRevision, clock.now(), error);
      this.#refused.set(id, mark);
      await this.#status(of, {
        ...record.status,
        phase: "failed",
        message: statusMessage(failure),
      });
      const next = this.#failures.retryAt(id, record.specRevision, clock.now());
      return next === Infinity ? undefined : next;
    }
  }

  /**
   * Whether the file that an image comes from is not the one that was refused: it may be the right one now. An image
   * that was sent has nothing but its own file, which somebody may have brought back.
   */
  async #isAnother(record: Record<"image">, signal: AbortSignal): Promise<boolean> {
    if (this.#failures.isLost(record.id) && record.internal.uploaded) {
      const found = await this.#images.inspect(record.id, signal).catch(() => undefined);
      signal.throwIfAborted();
      if (found) return true;
    }
    return (await this.#mark(record)) !== this.#refused.get(record.id);
  }

  async #mark({ spec }: Record<"image">): Promise<FileMark | undefined> {
    if (spec.host_path === undefined) return undefined;
    return this.#images.checkPath(spec.host_path).catch(() => undefined);
  }

  /** The file as it is, or as it is after it was copied. */
  async #provide(of: Of, record: Record<"image">, signal: AbortSignal): Promise<ImageFacts> {
    const found =
      record.status.phase === "ready" || record.internal.uploaded
        ? await this.#images.inspect(of.id, signal)
        : undefined;
    if (found) return found;
    const { host_path, sha256 = record.status.sha256 } = record.spec;
    if (host_path === undefined) {
      throw lodgeError("DISK_MISSING", "The image's file is gone from the host.", {
        remedy: "Replace the image, so that it is uploaded again.",
      });
    }
    // A file that was there once may only come back as it was: disks are made from it.
    return this.#context.heavy("copy_image", of, signal, (interruptible) =>
      runStep(this.#context, "copy_image", of, () =>
        this.#images.copy(
          { imageId: of.id, hostPath: host_path, ...(sha256 !== "" && { sha256 }) },
          interruptible,
        ),
      ),
    );
  }

  async #end(of: Of, record: Record<"image"> | undefined): Promise<number | undefined> {
    const { ledger, clock } = this.#context;
    if (!record && this.#receiving.has(of.id)) return undefined;
    if (record && (await ledger.store.users(of)).length > 0) return undefined;
    const retryAt = this.#failures.retryAt(of.id, 0, clock.now());
    if (retryAt !== undefined) return retryAt;
    try {
      await this.#remove(of);
    } catch (error) {
      const failure = this.#failures.failed(of.id, 0, clock.now(), error);
      if (record) {
        const message = statusMessage(failure);
        await this.#status(of, { ...record.status, phase: "deleting", message });
      }
      return this.#failures.retryAt(of.id, 0, clock.now());
    }
    this.#seen.delete(of.id);
    this.#failures.clear(of.id);
    this.#refused.delete(of.id);
    if (record) await deleteRecord(this.#context, of, "commit_image");
    return undefined;
  }

  /** A sender that comes meanwhile waits for it: there is no moment between the look at the senders and this. */
  async #remove(of: Of): Promise<void> {
    const removal = runStep(this.#context, "delete_image", of, () => this.#images.delete(of.id));
    const over = (): boolean => this.#removing.delete(of.id);
    this.#removing.set(of.id, removal.then(over, over));
    await removal;
  }

  async #status(
    of: Of,
    status: Record<"image">["status"],
    observedRevision?: number,
  ): Promise<void> {
    await this.#context.ledger.edit(
      of,
      imageEntry,
      (record) => {
        const phase = record.deletedAt === undefined ? status.phase : ("deleting" as const);
        const draft = {
          ...record,
          status: { ...status, phase },
          observedRevision: observedRevision ?? record.observedRevision,
        };
        return isDeepStrictEqual(draft, record) ? undefined : draft;
      },
      "commit_image",
      of,
    );
  }
}

/** The status of an image whose file is there. */
export function readyStatus(facts: ImageFacts): Record<"image">["status"] {
  return {
    phase: "ready",
    message: "",
    sha256: facts.sha256,
    format: facts.format,
    size_bytes: facts.sizeBytes,
    virtual_size_bytes: facts.virtualSizeBytes,
  };
}
