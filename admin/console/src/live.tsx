/** One stream a visible page: it says that something changed, and at once when the session is over.
 *
 * A browser keeps few connections to one server, so a hidden page has none and asks anew when somebody comes back to it.
 */

import { createClient, type ExecutionResult } from "graphql-sse";
import { createContext, type ReactNode, useContext, useEffect, useRef, useState } from "react";
import { useMatch } from "react-router";
import { type Asking, inBackground } from "./api/client";
import { caseIdOf } from "./api/ids";
import { NOT_DEPUTY, SIGNED_OUT, TOO_MANY } from "./api/problem";
import { useAsking, useSession } from "./session";

const INBOX = "subscription { inboxChanged(first: 20) { nodes { id waits dueAt letter { state } } } }";
const CASE = "subscription ($id: ID!) { caseChanged(id: $id) { rowVersion } }";
const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;

const Pulse = createContext(0);

/** Holds the stream of the page below it: of the case that it shows, of the inbox otherwise. */
export function Live({ children }: { children: ReactNode }) {
  const asking = useAsking();
  const { over, check, refresh, stoodDown } = useSession();
  const [pulse, setPulse] = useState(0);
  const [gone, setGone] = useState("");
  const shown = useMatch("/cases/:id")?.params.id ?? "";
  const id = shown === gone ? "" : shown;
  const act = useRef({ over, check, refresh, stoodDown });
  useEffect(() => {
    act.current = { over, check, refresh, stoodDown };
  }, [over, check, refresh, stoodDown]);

  useEffect(
    () =>
      listen(asking, id ? caseIdOf(id) : null, {
        changed: () => setPulse((count) => count + 1),
        refused: (code) => {
          if (SIGNED_OUT.includes(code)) act.current.over();
          else if (code === NOT_DEPUTY) act.current.stoodDown();
          else if (code === "not_found") {
            setGone(id);
            setPulse((count) => count + 1);
          } else act.current.refresh();
        },
        lost: () => act.current.check(),
      }),
    [asking, id],
  );
  return <Pulse value={pulse}>{children}</Pulse>;
}

/** Do something whenever what this page shows may have changed. */
export function useLive(changed: () => void): void {
  const pulse = useContext(Pulse);
  const latest = useRef(changed);
  const heard = useRef(pulse);
  useEffect(() => {
    latest.current = changed;
  }, [changed]);
  useEffect(() => {
    if (heard.current === pulse) return;
    heard.current = pulse;
    latest.current();
  }, [pulse]);
}

interface Listener {
  changed: () => void;
  /** The server ended the stream and said why. */
  refused: (code: string) => void;
  /** There is no stream at the moment. */
  lost: () => void;
}

function listen(asking: Asking, id: string | null, listener: Listener): () => void {
  const client = createClient({
    url: "/graphql",
    credentials: "same-origin",
    headers: inBackground(asking),
    retryAttempts: 0,
  });
  const operation = id ? { query: CASE, variables: { id } } : { query: INBOX };
  let stop: (() => void) | null = null;
  let timer = 0;
  let pause = FIRST_PAUSE_MS;
  let first = true;
  let ended = false;

  const again = (): void => {
    stop = null;
    if (ended) return;
    window.clearTimeout(timer);
    timer = window.setTimeout(open, pause);
    pause = Math.min(2 * pause, LONGEST_PAUSE_MS);
  };
  const open = (): void => {
    if (ended || stop || document.visibilityState !== "visible") return;
    stop = client.subscribe(operation, {
      next: (result) => {
        const code = codeOf(result);
        if (code === TOO_MANY) {
          // Nothing is wrong but the moment: the stream completes now, and is opened again after a pause.
          listener.lost();
          return;
        }
        if (code) {
          ended = true;
          listener.refused(code);
          return;
        }
        pause = FIRST_PAUSE_MS;
        // The page has just been loaded when its first stream opens; later ones may have missed something.
        if (!first) listener.changed();
        first = false;
      },
      error: () => {
        again();
        listener.lost();
      },
      complete: again,
    });
  };
  const onVisibility = (): void => {
    if (document.visibilityState === "visible") {
      open();
      return;
    }
    window.clearTimeout(timer);
    const close = stop;
    stop = null;
    close?.();
  };
  document.addEventListener("visibilitychange", onVisibility);
  open();
  return () => {
    ended = true;
    document.removeEventListener("visibilitychange", onVisibility);
    window.clearTimeout(timer);
    stop?.();
  };
}

function codeOf(result: ExecutionResult<unknown, unknown>): string {
  const first = result.errors?.[0];
  if (!first) return "";
  const { code } = first.extensions as { code?: unknown };
  return typeof code === "string" ? code : "unknown";
}
