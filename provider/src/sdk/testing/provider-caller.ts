import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import type { Diagnostic } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { Diagnostic_Severity, Provider } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { ProviderService } from "../server/service.ts";
import type { Instance } from "./core-error.ts";
import { CoreError, CoreViolation } from "./core-error.ts";

type Streaming = "invokeAction" | "listResource";
type Method = Extract<keyof ProviderService, keyof (typeof Provider)["method"]>;
type Unary = Exclude<Method, Streaming>;

/** What a method takes. */
export type Input<M extends Method> = MessageInitShape<(typeof Provider)["method"][M]["input"]>;
/** What a method answers. */
export type Output<M extends Method> = MessageShape<(typeof Provider)["method"][M]["output"]>;

/** Calls a provider through encoded messages, as if there were a socket between. */
export class ProviderCaller {
  readonly #service: ProviderService;
  /** All warnings, in the order of their arrival. */
  readonly warnings: Diagnostic[] = [];

  constructor(service: ProviderService) {
    this.#service = service;
  }

  /** Calls a method and reports what it says. @throws CoreError when it reports errors */
  async call<M extends Unary>(
    method: M,
    request: Input<M>,
    signal?: AbortSignal,
  ): Promise<Output<M>> {
    const response = await this.callRaw(method, request, signal);
    this.check(response);
    return response;
  }

  /** As {@link call}, with errors left in the response. */
  async callRaw<M extends Unary>(
    method: M,
    request: Input<M>,
    signal?: AbortSignal,
  ): Promise<Output<M>> {
    const { input, output } = Provider.method[method] as {
      input: DescMessage;
      output: DescMessage;
    };
    const sent = fromBinary(input, toBinary(input, create(input, request as never)));
    const handler = this.#service[method] as (request: unknown, context: unknown) => Promise<never>;
    const answer = await handler(sent, { signal: signal ?? new AbortController().signal });
    return fromBinary(output, toBinary(output, create(output, answer))) as Output<M>;
  }

  /** What Terraform does at the end of a walk: it lets the provider do what is left. */
  async shutdown(): Promise<void> {
    await this.#service.settle?.();
  }

  /** The messages of a stream, one by one. Leaving the loop ends the stream, as core does at its limit. */
  async *stream<M extends Streaming>(
    method: M,
    request: Input<M>,
    signal: AbortSignal = new AbortController().signal,
  ): AsyncGenerator<Output<M>> {
    const { input, output } = Provider.method[method] as {
      input: DescMessage;
      output: DescMessage;
    };
    const sent = fromBinary(input, toBinary(input, create(input, request as never)));
    const handler = this.#service[method] as (
      request: unknown,
      context: unknown,
    ) => AsyncIterable<never>;
    for await (const message of handler(sent, { signal }))
      yield fromBinary(output, toBinary(output, create(output, message))) as Output<M>;
  }

  /**
   * Looks through the diagnostics of a response.
   *
   * @param instance what is in the state now, for the error
   * @throws CoreError when there are errors among them
   */
  check(response: object, instance?: Instance): void {
    const { diagnostics = [] } = response as { readonly diagnostics?: readonly Diagnostic[] };
    for (const { severity, summary } of diagnostics) {
      const known =
        severity === Diagnostic_Severity.ERROR || severity === Diagnostic_Severity.WARNING;
      if (!known || summary === "")
        throw new CoreViolation("a diagnostic without severity or summary");
    }
    this.warnings.push(
      ...diagnostics.filter(({ severity }) => severity === Diagnostic_Severity.WARNING),
    );
    if (hasErrors(response)) throw new CoreError(diagnostics, instance);
  }
}

/** Whether a response reports errors. */
export function hasErrors(response: object): boolean {
  const { diagnostics = [] } = response as { readonly diagnostics?: readonly Diagnostic[] };
  return diagnostics.some(({ severity }) => severity === Diagnostic_Severity.ERROR);
}
