/** The pages say what the provider does, say it about everything, and lead somewhere. */
import { existsSync, readFileSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { PassThrough } from "node:stream";
import { describe, expect, test } from "vitest";
import { reasons } from "@lodge/schemas/rpc/reasons.ts";
import { version } from "@lodge/schemas/version.ts";
import { clientCommands } from "../../agent/src/cli/commands.ts";
import { exitCodes } from "../../agent/src/cli/exit-code.ts";
import { run } from "../../agent/src/cli/run.ts";
import { remedyGroups } from "../../scripts/docs/error-list.ts";
import { pages } from "../../scripts/docs/pages.ts";
import { fill } from "../../scripts/docs/template.ts";
import { providerSchemaModule } from "../../scripts/provider-schema.ts";
import { anchorsOf, linksOf } from "../harness/markdown.ts";

const root = join(import.meta.dirname, "..", "..");
const docs = join(root, "docs");
const generated = pages();
const files = (directory: string, ending: string): string[] =>
  readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((name) =>
    name.endsWith(ending),
  );
const published = files(docs, ".md").filter((name) => !name.startsWith("templates/"));

describe("generated from the schemas, and fresh", () => {
  test.each([...generated])("docs/%s", (name, text) => {
    expect(readFileSync(join(docs, name), "utf8")).toBe(text);
  });

  test("the provider's encoded schema", () => {
    const path = join(root, "provider", "src", "gen", "provider-schema.ts");
    expect(readFileSync(path, "utf8")).toBe(providerSchemaModule());
  });

  test("no page is left of what the provider has no more", () => {
    const reference =
      /^(?:resources|data-sources|functions|actions|list-resources|ephemeral-resources)\//u;
    const left = published.filter((name) => reference.test(name) && !generated.has(name));
    expect(left).toEqual([]);
  });

  test("every template is used", () => {
    const parts = new Set(["errors.md"]);
    const unused = files(join(docs, "templates"), ".md").filter((name) => !generated.has(name));
    expect(unused.filter((name) => !parts.has(name))).toEqual([]);
  });

  test("every page of the reference has an example", () => {
    const reference = [...generated.keys()].filter((name) => !name.startsWith("guides/"));
    const without = reference.filter((name) => !generated.get(name)!.includes("\n## Example\n"));
    expect(without).toEqual([]);
  });

  test("a template that forgets a part, or names one that is not there, is refused", () => {
    expect(() => fill("# A page\n", { schema: "all of it" })).toThrow(/no place for schema/u);
    expect(() => fill("{{ shcema }}\n", {})).toThrow(/shcema/u);
  });
});

test.each(published)("docs/%s is small enough for a registry", (name) => {
  expect(statSync(join(docs, name)).size).toBeLessThan(50_000);
});

describe("troubleshooting", () => {
  const remedies = remedyGroups().flatMap((group) => group.remedies);

  test("every reason has an entry, once", () => {
    const listed = remedies.map(({ reason }) => reason).toSorted();
    expect(listed).toEqual(Object.keys(reasons).toSorted());
  });

  test("every entry says what helps", () => {
    expect(remedies.filter(({ text }) => text.length < 20)).toEqual([]);
  });

  test("what an entry quotes is said somewhere", () => {
    const sources = ["agent", "provider", "schemas"].flatMap((part) =>
      files(join(root, part, "src"), ".ts")
        .filter((name) => !name.includes(".test.") && !name.includes("/testing/"))
        .map((name) => readFileSync(join(root, part, "src", name), "utf8")),
    );
    const missing = remedies.flatMap(({ reason, says }) =>
      says
        .flatMap((line) => line.split("…"))
        .map((piece) => piece.trim())
        .filter((piece) => piece.length > 3 && !sources.some((text) => text.includes(piece)))
        .map((piece) => `${reason}: ${piece}`),
    );
    expect(missing).toEqual([]);
  });
});

// A command at the end stays without the stop that would be copied with it.
test("every remedy is a sentence, as it stands after the message or on a line of its own", () => {
  const remedies = ["agent", "provider", "schemas"].flatMap((part) =>
    files(join(root, part, "src"), ".ts")
      .filter((name) => !name.includes(".test.") && !name.includes("/testing/"))
      .flatMap((name) =>
        [
          ...readFileSync(join(root, part, "src", name), "utf8").matchAll(
            /\bremedy:\s*("(?:[^"\\]|\\.)*"|`(?:[^`\\]|\\.)*`)(?=,|\s*\})/gu,
          ),
        ].map(([, text]) => text!.slice(1, -1)),
      ),
  );
  expect(remedies.length).toBeGreaterThan(50);
  expect(
    remedies.filter((text) => !/^(?:[A-Z`]|\\`|\$\{)[^]*(?:[.!?]|\}|: [^.]+)$/u.test(text)),
  ).toEqual([]);
});

const written = [
  join(root, "README.md"),
  join(root, "CHANGELOG.md"),
  ...published.map((name) => join(docs, name)),
];

test.each(written)("links of %s", (path) => {
  const broken = linksOf(readFileSync(path, "utf8")).filter((link) => {
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : join(dirname(path), file);
    if (!existsSync(target)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(target, "utf8")).has(anchor);
  });
  expect(broken).toEqual([]);
});

test("archives that pages name are those of this version", () => {
  const named = written
    .map((path) => readFileSync(path, "utf8"))
    .flatMap((text) => [...text.matchAll(/lodge_(\d[^_]*)_linux_/gu)].map(([, number]) => number));
  expect(named.length).toBeGreaterThan(1);
  expect(named.filter((number) => number !== version)).toEqual([]);
});

test("decisions are numbered without gaps", () => {
  const numbers = readdirSync(join(docs, "decisions")).map((name) => Number(name.slice(0, 4)));
  expect(numbers.toSorted((a, b) => a - b)).toEqual(numbers.map((_, index) => index + 1));
});

test("every guide is listed where people begin", () => {
  const index = linksOf(generated.get("index.md")!);
  const guides = published.filter((name) => name.startsWith("guides/"));
  expect(guides.filter((name) => !index.includes(name))).toEqual([]);
});

describe("the command line", () => {
  const guide = readFileSync(join(docs, "guides", "command-line.md"), "utf8");

  test("every command is in the guide", () => {
    const commands = clientCommands.flatMap((entry) =>
      "verbs" in entry
        ? entry.verbs.map(({ name }) => `lodge ${entry.name} ${name}`)
        : [`lodge ${entry.name}`],
    );
    expect(commands.filter((name) => !guide.includes(name))).toEqual([]);
  });

  test("the guide knows no others", () => {
    const known = new Set([...clientCommands.map(({ name }) => name), "agent", "doctor", "help"]);
    const named = published
      .map((name) => readFileSync(join(docs, name), "utf8"))
      .flatMap((text) => [...text.matchAll(/(?:`|^)lodge ([a-z]+)/gmu)].map(([, name]) => name!));
    expect(named.filter((name) => !known.has(name))).toEqual([]);
  });

  test("every command has --output, but for those that the guide excepts", async () => {
    const without: string[] = [];
    for (const entry of clientCommands) {
      for (const words of "verbs" in entry
        ? entry.verbs.map(({ name }) => [entry.name, name])
        : [[entry.name]]) {
        const stream = new PassThrough();
        const io = { stdin: stream, stdout: stream, stderr: stream, env: {} };
        const { signal } = new AbortController();
        expect(await run([...words, "--help"], clientCommands, { ...io, signal })).toBe(0);
        if (!String(stream.read()).includes("--output <")) without.push(`lodge ${words.join(" ")}`);
      }
    }
    expect(without.length).toBeGreaterThan(0);
    const excepted = [...without, "lodge help"].map((name) => `\`${name}\``).join(" and ");
    expect(guide).toContain(`\`--output json\` is on every command but ${excepted}`);
  });

  test("every exit code is in the guide", () => {
    const listed = [...guide.matchAll(/^\| (\d+) +\|/gmu)].map(([, code]) => Number(code));
    expect(listed).toEqual(Object.values(exitCodes));
  });
});
