import { deriveSchema } from "../schema/derive.ts";
import { toNative } from "../schema/native.ts";
import type { Answering } from "./answer.ts";
import { answer } from "./answer.ts";
import { readObject } from "./dynamic-value.ts";
import type { Session } from "./session.ts";
import type { Request, StreamHandler } from "./types.ts";

/** Does an action: its progress line by line, then how it ended. Terraform itself crashes on any other event. */
export const invokeAction: StreamHandler<"invokeAction"> = async function* (
  session,
  request,
  signal,
) {
  const lines: string[] = [];
  let wake: () => void = () => undefined;
  let result: Awaited<ReturnType<typeof run>> | undefined;
  const running = run(session, request, signal, (line) => {
    lines.push(line);
    wake();
  }).then((ended) => {
    result = ended;
    wake();
  });
  for (;;) {
    const message = lines.shift();
    if (message !== undefined) yield { type: { case: "progress", value: { message } } };
    else if (result !== undefined) break;
    else await new Promise<void>((resolve) => (wake = resolve));
  }
  await running;
  yield { type: { case: "completed", value: { diagnostics: result.diagnostics } } };
};

function run(
  session: Session,
  request: Request<"invokeAction">,
  signal: AbortSignal,
  progress: (line: string) => void,
) {
  return answer(
    { session, verb: "invoke", type: request.actionType },
    async (answering: Answering) => {
      const definition = await session.action(request.actionType);
      const node = deriveSchema(definition.schema);
      answering.node = node;
      const config = readObject(node.type, request.config, "configuration");
      await definition.invoke({
        config: toNative(node, config) as never,
        client: session.client,
        signal,
        diagnostics: answering.diagnostics,
        progress,
      });
      return {};
    },
  );
}
