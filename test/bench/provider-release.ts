import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { GetProviderSchema_ResponseSchema } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { version } from "@lodge/schemas/version.ts";
import { startPlugin } from "../../provider/src/sdk/testing/plugin-client.ts";
import type { Executable } from "../../scripts/build/executable.ts";
import { provider } from "../../scripts/build/executables.ts";
import { executableName, pack } from "../../scripts/release/archive.ts";
import { selfContained } from "../../scripts/release/executable.ts";
import { writeMirror } from "../../scripts/release/mirror.ts";
import type { Architecture } from "../../scripts/release/node.ts";
import type { Report } from "./report.ts";

const pieceBytes = 32 * 1024;
const architecture = process.arch as Architecture;

const echo = {
  name: "echo",
  entry: "test/bench/echo.ts",
  executable: provider.executable,
  snapshot: true,
} as const satisfies Executable;

/** The provider as it is released: the executable alone, and the mirror that Terraform installs it from. */
export interface Released extends Disposable {
  readonly executable: string;
  /** The provider of `echo.ts`, made in the same way. */
  readonly echo: string;
  readonly mirror: string;
  /** The archive's size. */
  readonly bytes: number;
}

/** Makes it in a directory of its own. */
export async function makeReleased(): Promise<Released> {
  const directory = mkdtempSync(join(tmpdir(), "lodge-released-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const archive = await pack(provider, architecture, directory, () => {});
    const mirror = join(directory, "mirror");
    await writeMirror(mirror, version, [archive]);
    const { data } = archive.entries.find(({ name }) => name === executableName(provider))!;
    const { image } = await selfContained(echo, architecture, () => {});
    return {
      executable: writeInPieces(join(directory, "executable"), data),
      echo: writeInPieces(join(directory, "echo"), image),
      mirror,
      bytes: archive.bytes,
      [Symbol.dispose]: remove,
    };
  } catch (error) {
    remove();
    throw error;
  }
}

/**
 * A directory with a provider. In pieces as Terraform unpacks it: the larger those are, the more of a file does Linux
 * count as resident.
 */
function writeInPieces(directory: string, data: Uint8Array): string {
  mkdirSync(directory);
  const path = join(directory, provider.executable);
  const file = openSync(path, "wx", 0o755);
  for (let at = 0; at < data.length; at += pieceBytes)
    writeSync(file, data, at, Math.min(pieceBytes, data.length - at));
  closeSync(file);
  return path;
}

/** Sizes of what is fetched once, and of what is asked for in every command. */
export async function measureSizes(report: Report, released: Released): Promise<void> {
  report.check({ name: "archive", value: released.bytes / 1e6, limit: 45, unit: "MB" });
  await using plugin = startPlugin({ command: [released.executable] });
  const reply = await (await plugin.provider()).getProviderSchema({});
  await plugin.shutdown();
  const bytes = toBinary(GetProviderSchema_ResponseSchema, reply).length;
  report.check({ name: "schema reply", value: bytes / 1000, limit: 300, unit: "KB" });
}
