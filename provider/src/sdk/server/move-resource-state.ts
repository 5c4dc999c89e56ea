import { answer } from "./answer.ts";
import type { Handler } from "./types.ts";

/** No type of this provider takes over the state of another type; the capability is not announced. */
export const moveResourceState: Handler<"moveResourceState"> = (session, request) =>
  answer({ session, verb: "move state to", type: request.targetTypeName }, (): Promise<object> => {
    const { sourceTypeName, targetTypeName } = request;
    const remedy = `Remove it from the state with a "removed" block and import it as ${targetTypeName}.`;
    return Promise.reject(
      new Error(`The state of ${sourceTypeName} cannot become ${targetTypeName}. ${remedy}`),
    );
  });
