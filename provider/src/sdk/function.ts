import type { z } from "zod";
import type { Known } from "./values.ts";

/** A parameter of a provider function. */
export interface FunctionParameter<Schema extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly schema: Schema;
  /** Markdown, whole sentences. */
  readonly description: string;
  /** Null reaches `call`; otherwise Terraform refuses it. */
  readonly allowNull?: boolean;
}

type Arguments<Parameters extends readonly FunctionParameter[]> = {
  [Index in keyof Parameters]: Known<z.input<Parameters[Index]["schema"]>>;
};

/**
 * A provider function: pure, called without configuration, in processes of its own. Terraform
 * itself answers calls with unknown arguments. Make one with {@link providerFunction}.
 */
export interface ProviderFunction<
  Parameters extends readonly FunctionParameter[] = readonly FunctionParameter[],
  Variadic extends z.ZodType = z.ZodType,
  Return extends z.ZodType = z.ZodType,
> {
  readonly name: string;
  /** One line. */
  readonly summary: string;
  /** Markdown, whole sentences. */
  readonly description: string;
  readonly parameters: Parameters;
  /** Takes all further arguments. */
  readonly variadic?: FunctionParameter<Variadic>;
  readonly returns: Return;
  /**
   * A thrown error is shown to the user; an {@link ArgumentError} at its argument. Arguments have
   * passed their schemas' validation.
   */
  call(
    args: Arguments<Parameters>,
    rest: Known<z.input<Variadic>>[],
  ): Known<z.input<Return>> | Promise<Known<z.input<Return>>>;
}

/** An argument of a function call is wrong. */
export class ArgumentError extends Error {
  override readonly name = "ArgumentError";
  /** Counted from 0, variadic arguments included. */
  readonly argument: number;

  constructor(argument: number, message: string, options?: ErrorOptions) {
    super(message, options);
    this.argument = argument;
  }
}

/** Defines a provider function with the types of its arguments. */
export function providerFunction<
  const Parameters extends readonly FunctionParameter[],
  Return extends z.ZodType,
  Variadic extends z.ZodType = z.ZodType,
>(
  definition: ProviderFunction<Parameters, Variadic, Return>,
): ProviderFunction<Parameters, Variadic, Return> {
  return definition;
}
