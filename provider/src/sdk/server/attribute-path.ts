import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  AttributePath,
  AttributePath_StepSchema,
} from "@lodge/schemas/gen/tfplugin6/tfplugin6_pb.ts";
import type { Node } from "../schema/attribute.ts";
import type { Path } from "../value/path.ts";

type Step = MessageInitShape<typeof AttributePath_StepSchema>;

/**
 * A path as Terraform addresses it. It ends where the schema does: at a set, whose elements have
 * no address, and before a step that leads nowhere.
 */
export function attributePath(node: Node, path: Path): { steps: Step[] } {
  const steps: Step[] = [];
  let at: Node | undefined = node;
  for (const step of path) {
    let selector: Step["selector"];
    if (at?.kind === "object") {
      at = at.attributes.get(String(step))?.node;
      if (at === undefined) break;
      selector = { case: "attributeName", value: String(step) };
    } else if (at?.kind === "list" && typeof step === "number") {
      at = at.element;
      selector = { case: "elementKeyInt", value: BigInt(step) };
    } else if (at?.kind === "map") {
      at = at.element;
      selector = { case: "elementKeyString", value: String(step) };
    } else {
      break;
    }
    steps.push({ selector });
  }
  return { steps };
}

/** The path that Terraform addresses. */
export function pathFromMessage({ steps }: AttributePath): Path {
  return steps.flatMap(({ selector }): Path => {
    if (selector.case === undefined) return [];
    return selector.case === "elementKeyInt" ? [Number(selector.value)] : [selector.value];
  });
}
