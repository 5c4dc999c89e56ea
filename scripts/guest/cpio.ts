/** One member of an initial RAM disk. */
export type Member =
  | { readonly path: string; readonly type: "directory" }
  | {
      readonly path: string;
      readonly type: "file";
      readonly mode: number;
      readonly data: Uint8Array;
    }
  | { readonly path: string; readonly type: "link"; readonly target: string }
  | {
      readonly path: string;
      readonly type: "device";
      readonly major: number;
      readonly minor: number;
    };

/**
 * Writes an archive in the "newc" format that Linux unpacks as its initial RAM disk. The same members give the same
 * bytes: owners are root and times are zero. Device nodes need no privilege, since they exist only inside.
 */
export function writeCpio(members: readonly Member[]): Buffer {
  const parts: Uint8Array[] = [];
  members.forEach((member, index) => {
    parts.push(...entry(index + 1, member));
  });
  parts.push(...entry(0, { path: "TRAILER!!!", type: "file", mode: 0, data: new Uint8Array() }, 0));
  return Buffer.concat(parts);
}

function entry(inode: number, member: Member, mode = modeOf(member)): Uint8Array[] {
  const data =
    member.type === "file" ? member.data : Buffer.from(member.type === "link" ? member.target : "");
  const [major, minor] = member.type === "device" ? [member.major, member.minor] : [0, 0];
  const name = Buffer.from(`${member.path}\0`);
  const links = member.type === "directory" ? 2 : 1;
  const fields = [inode, mode, 0, 0, links, 0, data.length, 0, 0, major, minor, name.length, 0];
  const header = `070701${fields.map((field) => field.toString(16).padStart(8, "0")).join("")}`;
  return [
    Buffer.from(header),
    name,
    padding(header.length + name.length),
    data,
    padding(data.length),
  ];
}

function modeOf(member: Member): number {
  switch (member.type) {
    case "directory":
      return 0o040755;
    case "file":
      return 0o100000 | member.mode;
    case "link":
      return 0o120777;
    case "device":
      return 0o020600;
  }
}

function padding(length: number): Uint8Array {
  return new Uint8Array((4 - (length % 4)) % 4);
}
