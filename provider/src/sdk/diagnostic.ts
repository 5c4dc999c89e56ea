import type { Path } from "./value/path.ts";

/** Something to tell the user, with the place in the configuration that it is about. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  /** One line: "Unable to create lodge_vm". Never empty, never with a secret in it. */
  readonly summary: string;
  /** Whole sentences: what happened, and what to do next. */
  readonly detail: string;
  /** The attribute that Terraform points at; absent for the whole block. */
  readonly path?: Path;
}

/** Collects what a handler has to say. Errors here do not end the handler; a thrown error does. */
export class Diagnostics {
  readonly #list: Diagnostic[] = [];

  /** Everything so far, in the order of its arrival. */
  get list(): readonly Diagnostic[] {
    return this.#list;
  }

  /** Whether something has failed. */
  get hasErrors(): boolean {
    return this.#list.some(({ severity }) => severity === "error");
  }

  /** Something failed: the operation as a whole is an error, what it returns is still recorded. */
  error(summary: string, detail: string, path?: Path): void {
    this.add({ severity: "error", summary, detail, ...(path === undefined ? {} : { path }) });
  }

  /** Something that the user can do something about. */
  warning(summary: string, detail: string, path?: Path): void {
    this.add({ severity: "warning", summary, detail, ...(path === undefined ? {} : { path }) });
  }

  add(diagnostic: Diagnostic): void {
    this.#list.push(diagnostic);
  }
}

/**
 * An error that knows its attribute. Any error may be thrown from a handler and becomes a
 * diagnostic "Unable to <verb> <type>" with the error's message; one that carries a `path`, of
 * this class or not, points at the attribute, and one that carries a `remedy` or a `reason` (a code to look up) says
 * them after its message.
 */
export class AttributeError extends Error {
  override readonly name = "AttributeError";
  readonly path: Path;

  constructor(path: Path, message: string, options?: ErrorOptions) {
    super(message, options);
    this.path = path;
  }
}
