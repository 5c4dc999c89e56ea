import * as z from "zod";
import type { KindView } from "../data-sources/kind-view.ts";
import { search, searchAttributes } from "../data-sources/search.ts";
import type { Hosts } from "../hosts.ts";
import { importedState } from "../resources/kind-resource.ts";
import { listResource, type ListResource } from "../sdk/list-resource.ts";

/** The objects of a kind for `terraform query`, whether Terraform has made them or not. */
export function kindListResource(view: KindView): ListResource<Hosts> {
  const { type, titles, definition } = view;
  return listResource<Hosts>()({
    type,
    description: `Finds ${titles} that exist on the hosts, so that they can be imported: all, or those that are searched for.`,
    schema: z.object(searchAttributes(view)),
    async *list({ config, client, signal }) {
      for (const { item } of await search(view, client, config, signal)) {
        if (definition.ownerOf?.(item as never)) continue;
        yield {
          displayName: `${item.host}/${item.spec.name}`,
          state: importedState(definition as never, client, item as never),
        };
      }
    },
  });
}
