import { expect, it } from "vitest";
import { exec } from "../../lib/exec.ts";

/** Runs a program of its own, for the test's process has a handler already. */
const run = (body: string) => {
  const modules = {
    createLog: new URL("../../lib/log.ts", import.meta.url).href,
    surviveRejections: new URL("./survive-rejections.ts", import.meta.url).href,
  };
  const imports = Object.entries(modules).map(
    ([name, url]) => `import { ${name} } from ${JSON.stringify(url)};`,
  );
  const script = [...imports, "const log = createLog({ pretty: false });", body].join("\n");
  return exec(process.execPath, ["--input-type=module", "--eval", script], { accept: [0, 1] });
};
const fail = `async function lost() { throw new Error("no space"); }
void lost();
setTimeout(() => console.log("went on"), 50);`;

it("goes on after a task of nobody's has failed, and says which with its stack", async () => {
  const { exitCode, stdout, stderr } = await run(`using _ = surviveRejections(log);
${fail}
await new Promise((resolve) => setTimeout(resolve, 100));`);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: "went on\n" });
  const line = stderr.split("\n").find((text) => text.startsWith("{"));
  expect(JSON.parse(line!)).toMatchObject({
    level: "error",
    error: { message: "no space", stack: expect.stringContaining("at lost") },
  });
});

it("keeps nothing once it is let go, and no exception from ending the process", async () => {
  expect((await run(`surviveRejections(log)[Symbol.dispose]();\n${fail}`)).exitCode).toBe(1);
  const thrown = `const kept = surviveRejections(log);
setTimeout(() => { throw new Error("half done"); }, 1);`;
  expect((await run(thrown)).exitCode).toBe(1);
});
