import { gql } from "@urql/core";
import { useEffect, useState } from "react";
import { useClient } from "urql";
import { selectionOf, type Shapes, shapesOf } from "../api/shapes";
import type { Case, JsonObject } from "../api/types";

export interface Detail {
  root: string;
  shapes: Shapes;
  data: JsonObject;
}

/** The scene's own data of a case, with what is needed to label it; null until it is there. */
export function useDetail(shown: Case): Detail | null {
  const client = useClient();
  const [loaded, setLoaded] = useState<{ by: string; detail: Detail } | null>(null);
  const root = shown.detail?.__typename ?? "";
  // What is masked changes without the case: somebody said why, or the time for it is over.
  const by = `${shown.id} ${shown.rowVersion} ${root} ${shown.masked.join()}`;

  useEffect(() => {
    let current = true;
    const load = async (): Promise<void> => {
      const shapes = await shapesOf(client, root);
      const selection = selectionOf(shapes, root);
      const operation = gql<{ case: { detail: JsonObject | null } | null }, { id: string }>(
        `query Detail($id: ID!) { case(id: $id) { detail { ... on ${root} ${selection} } } }`,
      );
      const { data } = await client
        .query(operation, { id: shown.id }, { requestPolicy: "network-only" })
        .toPromise();
      const found = data?.case?.detail;
      if (current && found) setLoaded({ by, detail: { root, shapes, data: found } });
    };
    if (root) void load();
    return () => {
      current = false;
    };
  }, [client, root, shown.id, by]);
  return loaded?.by === by ? loaded.detail : null;
}
