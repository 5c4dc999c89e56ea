import { closeSync, mkdirSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { toBinary } from "@bufbuild/protobuf";
import { GetProviderSchema_ResponseSchema } from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import { version } from "@lodge/schemas/version.ts";
import { startPlugin } from "../../provider/src/sdk/testing/plugin-client.ts";
import { provider } from "../../scripts/build/executables.ts";
import { executableName, pack } from "../../scripts/release/archive.ts";
import { writeMirror } from "../../scripts/release/mirror.ts";
import type { Architecture } from "../../scripts/release/node.ts";
import type { Report } from "./report.ts";

const pieceBytes = 32 * 1024;

/** The provider as it is released: the executable alone, and the mirror that Terraform installs it from. */
export interface Released extends Disposable {
  readonly executable: string;
  readonly mirror: string;
  /** The archive's size. */
  readonly bytes: number;
}

/** Makes it in a directory of its own. */
export async function makeReleased(): Promise<Released> {
  const directory = mkdtempSync(join(tmpdir(), "lodge-released-"));
  const remove = () => rmSync(directory, { recursive: true, force: true });
  try {
    const archive = await pack(provider, process.arch as Architecture, directory, () => {});
    const mirror = join(directory, "mirror");
    await writeMirror(mirror, version, [archive]);
    const { data } = archive.entries.find(({ name }) => name === executableName(provider))!;
    const overrides = join(directory, "executable");
    mkdirSync(overrides);
    const executable = join(overrides, provider.executable);
    writeInPieces(executable, data);
    return { executable, mirror, bytes: archive.bytes, [Symbol.dispose]: remove };
  } catch (error) {
    remove();
    throw error;
  }
}

/** In pieces as Terraform unpacks it: the larger those are, the more of a file does Linux count as resident. */
function writeInPieces(path: string, data: Uint8Array): void {
  const file = openSync(path, "wx", 0o755);
  for (let at = 0; at < data.length; at += pieceBytes)
    writeSync(file, data, at, Math.min(pieceBytes, data.length - at));
  closeSync(file);
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
