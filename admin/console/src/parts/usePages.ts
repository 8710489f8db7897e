import type { TypedDocumentNode } from "@urql/core";
import { useCallback, useEffect, useState } from "react";
import { useClient } from "urql";
import { unattended } from "../api/client";
import type { Paging } from "../api/operations";
import { type Problem, problemOf } from "../api/problem";
import type { Connection } from "../api/types";
import { useTexts } from "../language";
import { useAsking } from "../session";

const PAGE = 20;

export interface Pages<T> {
  items: T[];
  loading: boolean;
  problem: Problem | null;
  hasMore: boolean;
  more: () => void;
  reload: () => void;
  /** Read what is shown once more, in its place; what fails leaves it as it is. */
  renew: () => void;
}

interface Loaded<T> {
  items: T[];
  next: string | null;
  problem: Problem | null;
}

/** A keyset list, page by page. `variables` and `pick` must keep their identity between renders. */
export function usePages<Data, Variables extends object, T>(
  operation: TypedDocumentNode<Data, Variables & Paging>,
  variables: Variables,
  pick: (data: Data) => Connection<T> | undefined,
): Pages<T> {
  const client = useClient();
  const texts = useTexts();
  const asking = useAsking();
  const [loaded, setLoaded] = useState<{ by: object; pages: Loaded<T> } | null>(null);
  const [pending, setPending] = useState(false);

  const load = useCallback(
    async (after: string | null, attended = true): Promise<Loaded<T>> => {
      const asked = { ...variables, first: PAGE, after };
      const { data, error } = await client
        .query(operation, asked, attended ? { requestPolicy: "network-only" } : unattended(asking))
        .toPromise();
      const page = data && pick(data);
      if (!page) return { items: [], next: after, problem: error ? problemOf(error, texts) : null };
      const { endCursor, hasNextPage } = page.pageInfo;
      return { items: page.nodes, next: hasNextPage ? endCursor : null, problem: null };
    },
    [client, operation, variables, pick, texts, asking],
  );

  useEffect(() => {
    let current = true;
    void load(null).then((pages) => {
      if (current) setLoaded({ by: load, pages });
    });
    return () => {
      current = false;
    };
  }, [load]);

  // An answer to an earlier question is not shown under a new one.
  const present = loaded?.by === load ? loaded.pages : null;
  const more = async (): Promise<void> => {
    if (!present) return;
    setPending(true);
    const page = await load(present.next);
    setPending(false);
    setLoaded((now) =>
      now?.by === load ? { by: load, pages: { ...page, items: [...present.items, ...page.items] } } : now,
    );
  };
  const renew = async (): Promise<void> => {
    let fresh = await load(null, false);
    while (fresh.next !== null && !fresh.problem && fresh.items.length < (present?.items.length ?? 0)) {
      const page = await load(fresh.next, false);
      fresh = { ...page, items: [...fresh.items, ...page.items] };
    }
    if (!fresh.problem) setLoaded((now) => (now?.by === load ? { by: load, pages: fresh } : now));
  };
  return {
    items: present?.items ?? [],
    loading: present === null || pending,
    problem: present?.problem ?? null,
    hasMore: present?.next != null,
    more: () => void more(),
    renew: () => void renew(),
    reload: () => {
      setLoaded(null);
      void load(null).then((pages) => setLoaded({ by: load, pages }));
    },
  };
}
