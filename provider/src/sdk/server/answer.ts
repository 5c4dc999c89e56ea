import type { MessageInitShape } from "@bufbuild/protobuf";
import type { DiagnosticSchema } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { Diagnostic_Severity } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { Diagnostic } from "../diagnostic.ts";
import { Diagnostics } from "../diagnostic.ts";
import type { Node } from "../schema/attribute.ts";
import type { Path } from "../value/path.ts";
import { attributePath } from "./attribute-path.ts";
import type { Session } from "./session.ts";

type Messages = MessageInitShape<typeof DiagnosticSchema>[];

/** Diagnostics as Terraform gets them; paths are walked along the schema, where there is one. */
export function diagnosticMessages(list: readonly Diagnostic[], node: Node | undefined): Messages {
  return list.map(({ severity, summary, detail, path }) => {
    const attribute =
      path === undefined || node === undefined ? undefined : attributePath(node, path);
    return {
      severity: severity === "error" ? Diagnostic_Severity.ERROR : Diagnostic_Severity.WARNING,
      summary: summary === "" ? (severity === "error" ? "Error" : "Warning") : summary,
      detail,
      ...(attribute === undefined || attribute.steps.length === 0 ? {} : { attribute }),
    };
  });
}

/** What a call does and on what: "Unable to <verb> <type>". */
export interface Call {
  readonly session: Session;
  readonly verb: string;
  readonly type: string;
}

/** What a handler of {@link answer} may use and set. */
export interface Answering {
  readonly diagnostics: Diagnostics;
  /** The schema along which the paths of diagnostics are walked; set it as soon as it is known. */
  node: Node | undefined;
}

/** The path of an error that has one. */
function pathOf(error: unknown): Path | undefined {
  if (typeof error !== "object" || error === null || !("path" in error)) return undefined;
  const { path } = error;
  const isPath = Array.isArray(path) && path.length > 0;
  return isPath && path.every((step) => typeof step === "string" || typeof step === "number")
    ? path
    : undefined;
}

/** What happened, what to do about it where the error has a `remedy`, and under which `reason` more is to be found. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { remedy, reason } = error as { remedy?: unknown; reason?: unknown };
  const code = typeof reason === "string" && reason !== "" ? `(${reason})` : "";
  return [error.message, remedy, code].filter((text) => typeof text === "string" && text).join(" ");
}

/** Records a failure: a diagnostic for the user, the error itself for the log. */
export function fail(
  { session, verb, type }: Call,
  diagnostics: Diagnostics,
  error: unknown,
): void {
  session.onError(error, { verb, type });
  const detail = textOf(error) || "The provider gave no reason.";
  diagnostics.error(`Unable to ${verb} ${type}`, detail, pathOf(error));
}

/**
 * Runs a handler so that whatever it throws becomes a diagnostic beside `otherwise`, what the
 * response holds then. A gRPC status would show the user an internal error instead.
 */
export async function answer<Response extends object, Otherwise extends object = object>(
  call: Call,
  handle: (answering: Answering) => Promise<Response>,
  otherwise?: Otherwise,
): Promise<(Response | Otherwise) & { diagnostics: Messages }> {
  const answering: Answering = { diagnostics: new Diagnostics(), node: undefined };
  let response: Response | Otherwise;
  try {
    response = await handle(answering);
  } catch (error) {
    fail(call, answering.diagnostics, error);
    response = otherwise ?? ({} as Otherwise);
  }
  const diagnostics = diagnosticMessages(answering.diagnostics.list, answering.node);
  return { ...response, diagnostics };
}
