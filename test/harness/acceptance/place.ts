/** The host of acceptance tests: a development agent, with the files that images are made from. */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { createKindClient, type Item } from "@lodge/schemas/kind-client.ts";
import type { KindName } from "@lodge/schemas/spec/kind.ts";
import { TestAgent } from "../agent.ts";
import { smallGuest } from "../lodge.ts";
import type { ImageFiles, Place } from "./kind.ts";

/** A development agent that may copy its images from these files. */
export interface Ground extends AsyncDisposable {
  readonly agent: TestAgent;
  readonly files: ImageFiles;
}

export async function startGround(): Promise<Ground> {
  const { kernel, initrd } = await smallGuest();
  const agent = await TestAgent.start({ imageRoots: [dirname(kernel)] });
  const files = await imageFiles(join(agent.files.directory, "import"));
  return {
    agent,
    files: { ...files, kernel, initrd },
    [Symbol.asyncDispose]: () => agent[Symbol.asyncDispose](),
  };
}

/** What the small files hold. */
export const contents = { small: Buffer.alloc(4096, 7), other: Buffer.alloc(4096, 9) } as const;

/** Writes the two small files into a directory. */
export async function imageFiles(directory: string): Promise<Pick<ImageFiles, "small" | "other">> {
  await mkdir(directory, { recursive: true });
  const files = { small: join(directory, "small.img"), other: join(directory, "other.img") };
  await writeFile(files.small, contents.small);
  await writeFile(files.other, contents.other);
  return files;
}

/** Gives out places, each with a number of its own. The files may come to be later. */
export function places({
  host = "dev",
  files,
}: {
  readonly host?: string;
  readonly files: () => ImageFiles;
}): (kind: string) => Place {
  let n = 0;
  return (kind) => {
    n += 1;
    return {
      name: `${kind.replace("_", "-")}-${n}`,
      n,
      host,
      get files() {
        return files();
      },
    };
  };
}

/** An object of any kind. */
type AnyItem = Item<KindName> & { readonly kind: KindName };

/** Objects by id. */
export type Objects = ReadonlyMap<string, AnyItem>;

/** Everything that an agent holds. */
export async function allObjects(agent: TestAgent): Promise<Objects> {
  const transport = await agent.transport();
  const names = ["network", "address_pool", "image", "disk", "vm"] as const;
  const lists = await Promise.all(
    names.map(async (kind) => {
      const items: readonly Item<KindName>[] = await createKindClient(kind, transport).list([]);
      return items.map((item) => ({ ...item, kind }));
    }),
  );
  return new Map(lists.flat().map((item) => [item.id, item]));
}
