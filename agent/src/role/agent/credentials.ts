/** The certificates of a development agent: an authority of its own, a server's and a client's, renewed in time. */
import { X509Certificate } from "node:crypto";
import { chmod, readFile, rename, writeFile } from "node:fs/promises";
import { isIP } from "node:net";
import { dirname, join } from "node:path";
import { agentFiles } from "@lodge/schemas/rpc/local-agent.ts";
import { checkIdentity, type Identity } from "@lodge/schemas/rpc/tls.ts";
import { leaveToOwner } from "../../lib/owner.ts";
import {
  createAuthority,
  issueClientCertificate,
  issueServerCertificate,
  type KeyPair,
} from "../../lib/pki.ts";

/** Where one certificate and its key are. */
interface Place {
  readonly certificate: string;
  readonly key: string;
}

/** A certificate that ends sooner than this is made anew. */
const renewBeforeMs = 30 * 24 * 60 * 60 * 1000;

/** Whom the certificates are for. */
export interface CredentialsOptions {
  readonly directory: string;
  /** The agent's name. */
  readonly name: string;
  /** Further host names or addresses under which clients reach it. */
  readonly hosts?: readonly string[];
  readonly now?: Date;
}

/** Makes what is missing, unusable or about to end, and leaves the rest alone. Keys are readable by their owner alone. */
export async function ensureCredentials({
  directory,
  name,
  hosts = [],
  now = new Date(),
}: CredentialsOptions): Promise<Identity> {
  const files = agentFiles(directory, name);
  const places = {
    authority: { certificate: files.caCertificate, key: join(directory, "ca.key") },
    server: serverPlace(directory),
    client: { certificate: files.clientCertificate, key: files.clientKey },
  };
  const wanted = [name, "localhost", "127.0.0.1", "::1", ...hosts];
  const authority =
    (await usable(places.authority, undefined, now)) ??
    (await write(places.authority, await createAuthority(`Lodge development agent ${name}`)));
  const server = await usable(places.server, authority, now);
  if (!server || !namesAll(server, wanted)) {
    await write(
      places.server,
      await issueServerCertificate(authority, { host: name, ...split(wanted) }),
    );
  }
  if (!(await usable(places.client, authority, now))) {
    const user = process.env["SUDO_USER"] || process.env["USER"] || "root";
    await write(places.client, await issueClientCertificate(authority, { user, role: "admin" }));
  }
  return await serverIdentity(directory, name);
}

/** The same for an agent that serves already: its hosts are those of the certificate that it has. */
export async function renewCredentials(
  directory: string,
  name: string,
  now: Date,
): Promise<Identity> {
  const { certificate } = await serverIdentity(directory, name);
  const names = new X509Certificate(certificate).subjectAltName?.split(", ") ?? [];
  const hosts = names.map((host) => host.replace(/^(DNS|IP Address):/, ""));
  return await ensureCredentials({ directory, name, hosts, now });
}

/** What the agent proves itself with, and whom it lets in. */
export async function serverIdentity(directory: string, name: string): Promise<Identity> {
  const place = serverPlace(directory);
  const [ca, certificate, key] = await Promise.all(
    [agentFiles(directory, name).caCertificate, place.certificate, place.key].map((path) =>
      readFile(path, "utf8"),
    ),
  );
  return { ca: ca!, certificate: certificate!, key: key! };
}

function serverPlace(directory: string): Place {
  return { certificate: join(directory, "server.pem"), key: join(directory, "server.key") };
}

/** The pair at `place`, if its parts belong together, `authority` has issued it, and it lasts. */
async function usable(
  place: Place,
  authority: KeyPair | undefined,
  now: Date,
): Promise<KeyPair | undefined> {
  try {
    const [certificate, key] = await Promise.all([
      readFile(place.certificate, "utf8"),
      readFile(place.key, "utf8"),
    ]);
    const issuer = new X509Certificate(authority?.certificate ?? certificate);
    checkIdentity({ ca: issuer.toString(), certificate, key });
    const parsed = new X509Certificate(certificate);
    if (!parsed.verify(issuer.publicKey)) return undefined;
    const left = parsed.validToDate.getTime() - now.getTime();
    if (left < renewBeforeMs || parsed.validFromDate > now) return undefined;
    await chmod(place.key, 0o600);
    return { certificate, key };
  } catch {
    // Missing or damaged: either way it is made anew.
    return undefined;
  }
}

/** The key first: a certificate without its key would be in the way, a key without its certificate is not. */
async function write(place: Place, pair: KeyPair): Promise<KeyPair> {
  await replace(place.key, pair.key, 0o600);
  await replace(place.certificate, pair.certificate, 0o644);
  return pair;
}

async function replace(path: string, text: string, mode: number): Promise<void> {
  const temporary = `${path}.${process.pid}`;
  await writeFile(temporary, text, { mode });
  await leaveToOwner(temporary, dirname(path));
  await rename(temporary, path);
}

function namesAll({ certificate }: KeyPair, wanted: readonly string[]): boolean {
  const parsed = new X509Certificate(certificate);
  return wanted.every((host) => (isAddress(host) ? parsed.checkIP(host) : parsed.checkHost(host)));
}

function split(hosts: readonly string[]): { dnsNames: string[]; addresses: string[] } {
  const [own, ...others] = new Set(hosts);
  return {
    dnsNames: others.filter((host) => !isAddress(host) && host !== own),
    addresses: others.filter(isAddress),
  };
}

function isAddress(host: string): boolean {
  return isIP(host) !== 0;
}
