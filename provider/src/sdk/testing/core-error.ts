import type { Diagnostic } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { Diagnostic_Severity } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { pathFromMessage } from "../server/attribute-path.ts";
import { formatPath } from "../value/path.ts";
import type { Value } from "../value/value.ts";

/** A resource instance as a state file holds it. */
export interface Instance {
  readonly type: string;
  readonly state: Value;
  readonly private: Uint8Array;
  /** As Terraform 1.12 and later keep it beside the state; undefined where the type has none. */
  readonly identity?: Value | undefined;
  /** The next plan replaces it. */
  readonly tainted: boolean;
}

/** The provider has broken a rule of the protocol; Terraform would call it a bug. */
export class CoreViolation extends Error {
  override readonly name = "CoreViolation";
}

/** The provider has reported errors. */
export class CoreError extends Error {
  override readonly name = "CoreError";
  readonly diagnostics: readonly Diagnostic[];
  /** What is in the state now, after a failed apply; undefined for nothing. */
  readonly instance: Instance | undefined;

  constructor(diagnostics: readonly Diagnostic[], instance?: Instance) {
    const errors = diagnostics.filter(({ severity }) => severity === Diagnostic_Severity.ERROR);
    const lines = errors.map(({ summary, detail, attribute }) => {
      const place =
        attribute === undefined ? "" : ` (at ${formatPath(pathFromMessage(attribute))})`;
      return `${summary}: ${detail}${place}`;
    });
    super(lines.join("\n"));
    this.diagnostics = diagnostics;
    this.instance = instance;
  }
}
