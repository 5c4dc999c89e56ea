import { parseAddress } from "@lodge/schemas/rpc/address.ts";
import { lodgeError } from "@lodge/schemas/rpc/error.ts";
import { checkIdentity, readPem, type Identity } from "@lodge/schemas/rpc/tls.ts";
import * as z from "zod";
import { Hosts, type HostsConfig } from "./hosts.ts";
import type { ConfigureContext } from "./sdk/provider.ts";
import type { Rule } from "./sdk/rule.ts";
import { isUnknown, type Unknown } from "./sdk/value/unknown.ts";

/** The provider block. */
export const ProviderConfig = z.object({
  hosts: z
    .record(
      z.string(),
      z.object({
        endpoint: z
          .string()
          .refine(isAddress, { error: "must be HOST:PORT, [IPV6]:PORT or unix:/PATH." })
          .meta({
            description: "Where the host's agent listens: an address, or a socket of this machine.",
          }),
      }),
    )
    // What a `for` left nothing of must not become objects of the machine that Terraform runs on.
    .refine((hosts) => Object.keys(hosts).length > 0, {
      error: "must name a host, or be left out for the agent of this machine.",
    })
    .optional()
    .meta({
      description:
        "The hosts by the names of their agents, which are the names in the agents' certificates. Default: the host that the environment names (`LODGE_AGENT_DIR`, or `LODGE_ENDPOINT` and `LODGE_HOST`), else that of `lodge agent --dev`.",
    }),
  default_host: z.string().optional().meta({
    description:
      "The host of resources that name none. Needed where there are several. Or `LODGE_DEFAULT_HOST`.",
  }),
  ca_certificate_file: z.string().optional().meta({
    description:
      "The file of the certificate authority that the agents' certificates come from. Or `LODGE_CA_CERTIFICATE_FILE`.",
  }),
  ca_certificate_pem: z.string().optional().meta({
    description: "The certificate authority itself, PEM. Or `LODGE_CA_CERTIFICATE_PEM`.",
  }),
  client_certificate_file: z.string().optional().meta({
    description:
      "The file of the certificate that says who you are. Or `LODGE_CLIENT_CERTIFICATE_FILE`.",
  }),
  client_certificate_pem: z.string().optional().meta({
    description: "The certificate itself, PEM. Or `LODGE_CLIENT_CERTIFICATE_PEM`.",
  }),
  client_key_file: z.string().optional().meta({
    description: "The file of the certificate's private key. Or `LODGE_CLIENT_KEY_FILE`.",
  }),
  client_key_pem: z.string().optional().meta({
    description: "The private key itself, PEM. Or `LODGE_CLIENT_KEY_PEM`.",
    sensitive: true,
  }),
});

const credentials = ["ca_certificate", "client_certificate", "client_key"] as const;

/** What of a provider block does not go together. */
export const providerRules: readonly Rule<z.output<typeof ProviderConfig>>[] = [
  {
    paths: ["default_host", "hosts"],
    test: ({ default_host: chosen, hosts }) =>
      chosen === undefined || hosts === undefined || Object.hasOwn(hosts, chosen)
        ? undefined
        : `must be one of the hosts: ${Object.keys(hosts).join(", ")}`,
  },
  ...credentials.map((name): Rule<z.output<typeof ProviderConfig>> => ({
    paths: [`${name}_file`, `${name}_pem`],
    test: (config) =>
      config[`${name}_file`] === undefined || config[`${name}_pem`] === undefined
        ? undefined
        : `give one of ${name}_file and ${name}_pem.`,
  })),
];

type Given = { readonly [Name in keyof z.input<typeof ProviderConfig>]-?: unknown };

type Credentials = Omit<Given, "hosts" | "default_host">;

/** The hosts of a provider block. Nothing is connected yet; unknown parts are tolerated until a host needs them. */
export function configure({ config }: ConfigureContext<typeof ProviderConfig>): Hosts {
  const { default_host: defaultHost, hosts, ...given }: Given = config;
  if (isUnknown(hosts) || Object.values(given).some(isUnknown)) return new Hosts(undefined);
  let identity: Promise<Identity> | undefined;
  return new Hosts({
    hosts: endpoints(hosts),
    defaultHost: isUnknown(defaultHost)
      ? defaultHost
      : ((defaultHost as string | null) ?? (process.env["LODGE_DEFAULT_HOST"] || undefined)),
    identity: () => (identity ??= loadIdentity(given)),
  });
}

function isAddress(text: string): boolean {
  try {
    parseAddress(text);
    return true;
  } catch {
    return false;
  }
}

function endpoints(hosts: unknown): HostsConfig["hosts"] {
  if (hosts === null) return environmentEndpoint(process.env);
  const given = Object.entries(hosts as Record<string, { endpoint: string | Unknown } | Unknown>);
  return Object.fromEntries(
    given.map(([name, host]) => [name, isUnknown(host) ? host : host.endpoint]),
  );
}

/** The one agent that the environment names, as the command line takes it; none where that is an agent of this machine. */
function environmentEndpoint(environment: Readonly<Record<string, string | undefined>>): {
  [name: string]: string;
} {
  const endpoint = environment["LODGE_ENDPOINT"];
  if (!endpoint || environment["LODGE_AGENT_DIR"]) return {};
  const address = parseAddress(endpoint);
  const name = environment["LODGE_HOST"] || ("host" in address ? address.host : undefined);
  if (name === undefined) {
    throw lodgeError(
      "ADDRESS_INVALID",
      `LODGE_ENDPOINT is a socket, ${endpoint}, without a name.`,
      {
        remedy: "Set LODGE_HOST to the name of its agent.",
      },
    );
  }
  return { [name]: endpoint };
}

async function loadIdentity(given: Credentials): Promise<Identity> {
  const [ca, certificate, key] = await Promise.all([
    material(given, "ca_certificate"),
    material(given, "client_certificate"),
    material(given, "client_key"),
  ]);
  const identity = { ca, certificate, key };
  checkIdentity(identity);
  return identity;
}

/** One PEM text: the configuration goes before the environment, text before a file. */
async function material(given: Credentials, name: (typeof credentials)[number]): Promise<string> {
  const [variable, pem, path] = [
    `LODGE_${name.toUpperCase()}`,
    given[`${name}_pem`],
    given[`${name}_file`],
  ];
  if (typeof pem === "string") return pem;
  const file = typeof path === "string" ? path : undefined;
  const fallback = file === undefined ? process.env[`${variable}_PEM`] : undefined;
  if (fallback) return fallback;
  const chosen = file ?? process.env[`${variable}_FILE`];
  if (chosen) return readPem(chosen, name);
  throw lodgeError("CREDENTIALS_INVALID", `The provider has no ${name}.`, {
    remedy: `Set ${name}_file, ${name}_pem, ${variable}_FILE or ${variable}_PEM.`,
  });
}
