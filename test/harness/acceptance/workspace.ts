/** A working directory of the real Terraform whose configuration is data, and whose plans and states are read as such. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { AgentDirectory } from "@lodge/schemas/rpc/local-agent.ts";
import { dist } from "../executable.ts";
import { Terraform, type Result, type TerraformOptions } from "../terraform.ts";
import type { Resources, Values } from "./kind.ts";

/** An agent, real or of fakes. */
export interface Host {
  readonly name: string;
  readonly files: AgentDirectory;
}

/** What Terraform says to the user, outside of a plan. */
export interface Diagnostic {
  readonly severity: "error" | "warning";
  readonly summary: string;
  readonly detail: string;
  /** The resource that it is about. */
  readonly address?: string;
  /** The line of the configuration that it points at. */
  readonly snippet?: { readonly code: string; readonly context: string | null };
}

/** What a plan would do, by address; resources that stay as they are are left out. */
export interface Planned {
  readonly exitCode: number;
  readonly changes: Readonly<Record<string, string>>;
  /** What has changed outside. */
  readonly drift: Readonly<Record<string, string>>;
  readonly imported: readonly string[];
  readonly diagnostics: readonly Diagnostic[];
}

/** One line of what `-json` makes Terraform print. */
interface Line {
  readonly type: string;
  readonly diagnostic?: Diagnostic;
  readonly change?: {
    readonly resource: { readonly addr: string };
    readonly action: string;
    readonly importing?: object;
  };
}

/** Everything of a configuration but the provider, in Terraform's JSON syntax. */
export interface Configuration {
  readonly resources?: Resources;
  /** Data sources by address without `data.`. */
  readonly data?: Resources;
  /** Further blocks at top level. */
  readonly more?: Values;
}

export class Workspace extends Terraform {
  readonly #hosts: readonly Host[];
  #provider: Values | undefined;

  constructor(
    hosts: readonly Host[],
    configuration: Configuration = {},
    { provider, ...options }: Partial<TerraformOptions> & { readonly provider?: Values } = {},
  ) {
    super({ providers: { "lodge/lodge": join(dist, "terraform-provider-lodge") }, ...options });
    this.#hosts = hosts;
    this.#provider = provider;
    this.configure(configuration);
  }

  /** Replaces the whole configuration. */
  configure({ resources = {}, data = {}, more = {} }: Configuration): void {
    const whole = {
      terraform: { required_providers: { lodge: { source: "lodge/lodge" } } },
      provider: { lodge: this.#provider ?? providerBlock(this.#hosts) },
      ...(Object.keys(resources).length > 0 && { resource: byType(resources) }),
      ...(Object.keys(data).length > 0 && { data: byType(data) }),
      ...more,
    };
    this.write({ "main.tf.json": JSON.stringify(whole, null, 2) });
  }

  /** Plans into a file, whatever comes of it. */
  async planned(...args: string[]): Promise<Planned> {
    return this.said(["plan", "-json", "-detailed-exitcode", `-out=${this.planFile}`, ...args]);
  }

  /** Applies what was planned last. */
  applyPlanned(...args: string[]): Promise<Result> {
    return this.run(["apply", "-no-color", ...args, this.planFile]);
  }

  /** What a command with `-json` says, whatever comes of it. */
  async said(args: readonly string[]): Promise<Planned> {
    return readPlan(await this.run(args, { accept: "any" }));
  }

  /** Plans the import of objects, by the addresses that they shall get. */
  importing(ids: Readonly<Record<string, string>>, resources: Resources = {}): void {
    const blocks = Object.entries(ids).map(([to, id]) => ({ to, id }));
    this.configure({ resources, more: { import: blocks } });
  }

  /** What plans with and without a refresh would still do or say: nothing, once all is applied. */
  async remains(): Promise<readonly Planned[]> {
    const plans = [await this.planned(), await this.planned("-refresh=false")];
    return plans.filter(({ exitCode, diagnostics }) => exitCode !== 0 || diagnostics.length > 0);
  }

  /** The last plan as `show -json` tells it. */
  // eslint-disable-next-line typescript/no-explicit-any
  async planJson(): Promise<any> {
    return JSON.parse((await this.run(["show", "-json", this.planFile])).stdout);
  }

  /** The text of the state; empty where there is none yet. */
  stateText(): string {
    const path = join(this.directory, "terraform.tfstate");
    return existsSync(path) ? readFileSync(path, "utf8") : "";
  }

  /** The resources of the state by address, with their attributes; data sources by theirs without `data.`. */
  instances(mode: "managed" | "data" = "managed"): Readonly<Record<string, Instance>> {
    // oxlint-disable-next-line typescript/no-explicit-any
    const { resources = [] } = JSON.parse(this.stateText() || "{}") as { resources?: any[] };
    return Object.fromEntries(
      resources
        .filter((resource) => resource.mode === mode)
        .flatMap(({ type, name, instances }) =>
          instances.map((instance: Instance & { index_key?: number | string }) => [
            `${type}.${name}${instance.index_key === undefined ? "" : `[${JSON.stringify(instance.index_key)}]`}`,
            instance,
          ]),
        ),
    );
  }

  /** The attributes alone. */
  attributes(
    mode: "managed" | "data" = "managed",
  ): Readonly<Record<string, Instance["attributes"]>> {
    return Object.fromEntries(
      Object.entries(this.instances(mode)).map(([address, { attributes }]) => [
        address,
        attributes,
      ]),
    );
  }

  /** Where the last plan is. */
  get planFile(): string {
    return join(this.directory, "tmp", "plan");
  }
}

/** A resource in the state. */
export interface Instance {
  // oxlint-disable-next-line typescript/no-explicit-any
  readonly attributes: Readonly<Record<string, any>>;
  readonly status?: "tainted";
  readonly schema_version: number;
}

/** The provider's configuration for agents that share an authority; the first is the default one. */
export function providerBlock(hosts: readonly Host[]): Values {
  const { caCertificate, clientCertificate, clientKey } = hosts[0]!.files;
  return {
    hosts: Object.fromEntries(
      hosts.map(({ name, files }) => [name, { endpoint: `unix:${files.socket}` }]),
    ),
    default_host: hosts[0]!.name,
    ca_certificate_file: caCertificate,
    client_certificate_file: clientCertificate,
    client_key_file: clientKey,
  };
}

/** A value with the attributes of these resources in the place of the references to them. */
export function resolved<T>(value: T, attributes: Readonly<Record<string, Values>>): T {
  const text = JSON.stringify(value).replaceAll(
    /\$\{(\w+\.[\w-]+)\.(\w+)\}/gu,
    (whole: string, address: string, name: string) =>
      address in attributes ? String(attributes[address]![name]) : whole,
  );
  return JSON.parse(text) as T;
}

function byType(resources: Resources): Values {
  const types: Record<string, Record<string, Values>> = {};
  for (const [address, values] of Object.entries(resources)) {
    const [type, name] = address.split(".") as [string, string];
    (types[type] ??= {})[name] = values;
  }
  return types;
}

function readPlan({ exitCode, stdout, stderr }: Result): Planned {
  const lines = stdout
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Line);
  const found = (type: string) =>
    lines.filter((line) => line.type === type).map(({ change }) => change!);
  const changed = (type: string) =>
    Object.fromEntries(
      found(type)
        .filter(({ action }) => action !== "noop" && action !== "import")
        .map(({ resource, action }) => [resource.addr, action]),
    );
  const diagnostics = lines
    .filter(({ type }) => type === "diagnostic")
    .map(({ diagnostic }) => diagnostic!)
    // The executable under test is always one of these.
    .filter(({ summary }) => summary !== "Provider development overrides are in effect");
  if (lines.length === 0) throw new Error(`Terraform ended with ${exitCode}\n${stdout}${stderr}`);
  return {
    exitCode,
    changes: changed("planned_change"),
    drift: changed("resource_drift"),
    imported: found("planned_change")
      .filter(({ importing }) => importing)
      .map(({ resource }) => resource.addr),
    diagnostics,
  };
}
