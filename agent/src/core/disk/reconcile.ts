import { isDeepStrictEqual } from "node:util";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import type { Disks } from "../port/disks.ts";
import {
  deleteRecord,
  Failures,
  statusMessage,
  type Reconciler,
  type ReconcilerContext,
} from "../reconciler.ts";
import type { Record } from "../record.ts";
import { runStep } from "../step.ts";
import { attachedVm, diskEntry, sizeFrom } from "./service.ts";

type Of = { readonly kind: "disk"; readonly id: string };

/**
 * Makes the files of disks, grows and ends them. A disk that is attached is grown by its VM, which knows whether a guest
 * has the file open.
 */
export class DiskReconciler implements Reconciler {
  readonly #context: ReconcilerContext;
  readonly #disks: Disks;
  readonly #failures = new Failures();
  /** Disks whose file this process has seen. */
  readonly #seen = new Set<string>();

  constructor(context: ReconcilerContext, disks: Disks) {
    this.#context = context;
    this.#disks = disks;
  }

  /** The disk has no file on the host, as far as is seen: the next turn looks for itself. */
  noteMissing(id: string): void {
    this.#seen.delete(id);
  }

  async reconcile(id: string, signal: AbortSignal): Promise<number | undefined> {
    const { ledger, clock } = this.#context;
    const of = { kind: "disk", id } as const;
    for (;;) {
      const record = await ledger.store.get("disk", id);
      if (!record || record.deletedAt !== undefined) return this.#end(of, record);
      const retryAt = this.#failures.retryAt(id, record.specRevision, clock.now());
      if (retryAt !== undefined && !(await this.#isBack(id, signal))) {
        return retryAt === Infinity ? undefined : retryAt;
      }
      try {
        const done = await this.#advance(of, record, signal);
        if (done) return undefined;
      } catch (error) {
        signal.throwIfAborted();
        const failure = this.#failures.failed(id, record.specRevision, clock.now(), error);
        await this.#status(of, { phase: "failed", message: statusMessage(failure) });
      }
    }
  }

  /** One step towards the wish. Resolves with whether nothing is left that is not left to others. */
  async #advance(of: Of, record: Record<"disk">, signal: AbortSignal): Promise<boolean> {
    const { spec, status } = record;
    if (status.phase !== "ready") {
      if (this.#seen.has(of.id) || record.observedRevision > 0) return this.#look(of, signal);
      return this.#create(of, record, signal);
    }
    if (!this.#seen.has(of.id)) return this.#look(of, signal);
    if (spec.size !== undefined && spec.size > status.size_bytes) {
      if ((await attachedVm(this.#context.ledger.store, of.id)) !== undefined) return true;
      const size = spec.size;
      await runStep(this.#context, "grow_disk", of, () => this.#disks.resize(of.id, size, signal));
      await this.#status(of, { size_bytes: size });
      return false;
    }
    this.#failures.clear(of.id);
    await this.#status(of, { message: "" }, record.specRevision);
    return true;
  }

  async #create(of: Of, { spec }: Record<"disk">, signal: AbortSignal): Promise<boolean> {
    const { image_id, size } = spec;
    let bytes = size;
    if (image_id !== undefined) {
      const image = await this.#context.ledger.store.get("image", image_id);
      if (image?.status.phase !== "ready") {
        const failed = image?.status.phase === "failed";
        await this.#status(of, {
          phase: failed ? "failed" : "pending",
          message: failed
            ? `Its image ${image.spec.name} failed: ${image.status.message}`
            : "waiting for its image",
        });
        return true;
      }
      const least = image.status.virtual_size_bytes;
      if (size !== undefined && size < least) {
        throw lodgeError(
          "SHRINK",
          `The disk would have ${size} bytes, and its image has ${least}.`,
          { remedy: "Give it a larger size." },
        );
      }
      bytes ??= sizeFrom(image);
    }
    const { sizeBytes } = await runStep(this.#context, "create_disk", of, () =>
      this.#disks.create(
        {
          diskId: of.id,
          ...(bytes !== undefined && { sizeBytes: bytes }),
          ...(image_id !== undefined && { imageId: image_id }),
        },
        signal,
      ),
    );
    this.#seen.add(of.id);
    await this.#status(of, { phase: "ready", message: "", size_bytes: sizeBytes }, undefined, size);
    return false;
  }

  /** A disk that had a file must have it still: a new one in its place would hide the loss. */
  async #look(of: Of, signal: AbortSignal): Promise<boolean> {
    const found = await this.#disks.inspect(of.id, signal);
    if (!found) {
      throw lodgeError("DISK_MISSING", "The disk's file is gone from the host.", {
        remedy: "Restore it from a backup, or replace the disk.",
      });
    }
    this.#seen.add(of.id);
    await this.#status(of, { phase: "ready", message: "", size_bytes: found.sizeBytes });
    return false;
  }

  /** Whether a disk that has lost its file has one again. */
  async #isBack(id: string, signal: AbortSignal): Promise<boolean> {
    if (!this.#failures.isLost(id)) return false;
    const found = await this.#disks.inspect(id, signal).catch(() => undefined);
    signal.throwIfAborted();
    if (found) this.#failures.clear(id);
    return found !== undefined;
  }

  async #end(of: Of, record: Record<"disk"> | undefined): Promise<number | undefined> {
    const { ledger, clock } = this.#context;
    if (record && (await ledger.store.users(of)).length > 0) return undefined;
    const retryAt = this.#failures.retryAt(of.id, 0, clock.now());
    if (retryAt !== undefined) return retryAt;
    try {
      await runStep(this.#context, "delete_disk", of, () => this.#disks.delete(of.id));
    } catch (error) {
      const failure = this.#failures.failed(of.id, 0, clock.now(), error);
      if (record) await this.#status(of, { message: statusMessage(failure) });
      return this.#failures.retryAt(of.id, 0, clock.now());
    }
    this.#seen.delete(of.id);
    this.#failures.clear(of.id);
    if (record) await deleteRecord(this.#context, of, "commit_disk");
    return undefined;
  }

  /** `settledSize`: the revision counts as applied if it still asks for that size. */
  async #status(
    of: Of,
    change: Partial<Record<"disk">["status"]>,
    observedRevision?: number,
    settledSize?: number,
  ): Promise<void> {
    await this.#context.ledger.edit(
      of,
      diskEntry,
      (record) => {
        const phase =
          record.deletedAt === undefined ? (change.phase ?? record.status.phase) : "deleting";
        const settled =
          change.phase === "ready" && settledSize === record.spec.size
            ? record.specRevision
            : record.observedRevision;
        const draft = {
          ...record,
          status: { ...record.status, ...change, phase },
          observedRevision: observedRevision ?? settled,
        };
        return isDeepStrictEqual(draft, record) ? undefined : draft;
      },
      "commit_disk",
      of,
    );
  }
}
