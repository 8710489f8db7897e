/** Who is signed in, as one value that every page can ask; the server decides, this only remembers. */

import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useRef,
  useState,
} from "react";
import { type CombinedError, Provider } from "urql";
import { sessionStanding } from "./api/auth";
import { makeClient } from "./api/client";
import { ME } from "./api/operations";
import { isSignedOut, type Problem, problemOf } from "./api/problem";
import type { Me, SceneSummary } from "./api/types";
import { forgetDrafts } from "./forms/draft";
import { useSpeech } from "./language";

export type SessionState =
  | { kind: "checking" }
  | { kind: "signedOut"; expired: boolean }
  | { kind: "signedIn"; me: Me; scenes: SceneSummary[] }
  | { kind: "failed"; problem: Problem };

interface Session {
  state: SessionState;
  /** Ask the server anew: after signing in, or after a failure. */
  refresh: () => void;
  /** Ask whether the session still holds, without taking the page away; if not, sign-in follows and says so. */
  check: () => void;
  /** The server has said that the session is over. */
  over: () => void;
  /** What any reply may say of the session. */
  onError: (error: CombinedError) => void;
  /** Forget everything that this person had open. */
  leave: () => void;
}

/** How often an open page asks whether its session still lives; it also asks whenever somebody comes back to it. */
const ASK_EVERY_MS = 60_000;

const SessionContext = createContext<Session | null>(null);

export function SessionProvider({ children }: { children: ReactNode }) {
  const { language, texts } = useSpeech();
  const [state, setState] = useState<SessionState>({ kind: "checking" });
  const [turn, setTurn] = useState(0);
  const person = useRef("");

  const onError = useCallback(
    (error: CombinedError) => {
      if (!isSignedOut(problemOf(error, texts))) return;
      setState((before) =>
        before.kind === "signedOut" ? before : { kind: "signedOut", expired: before.kind === "signedIn" },
      );
    },
    [texts],
  );
  // A client per turn: nothing that one person has read stays in the cache for the next.
  const { client } = useMemo(
    () => ({ turn, client: makeClient(language, onError) }),
    [language, onError, turn],
  );

  useEffect(() => {
    let current = true;
    void client
      .query(ME, {}, { requestPolicy: "network-only" })
      .toPromise()
      .then(({ data, error }) => {
        if (!current) return;
        if (data) {
          if (person.current !== data.me.id) forgetDrafts();
          person.current = data.me.id;
          setState({ kind: "signedIn", me: data.me, scenes: data.scenes });
        } else if (error) {
          const problem = problemOf(error, texts);
          if (!isSignedOut(problem)) setState({ kind: "failed", problem });
          else setState({ kind: "signedOut", expired: false });
        }
      });
    return () => {
      current = false;
    };
  }, [client, texts]);

  const login = state.kind === "signedIn" ? state.me.login : null;
  useEffect(() => {
    if (login === null) return;
    let current = true;
    const ask = async (): Promise<void> => {
      if (document.visibilityState !== "visible") return;
      const standing = await sessionStanding();
      if (!current || standing === null || standing === login) return;
      // Another tab may have signed somebody else in: this one must not go on as who it was.
      if (standing === "over") setState({ kind: "signedOut", expired: true });
      else setTurn((count) => count + 1);
    };
    const onReturn = (): void => void ask();
    const timer = window.setInterval(onReturn, ASK_EVERY_MS);
    window.addEventListener("focus", onReturn);
    document.addEventListener("visibilitychange", onReturn);
    return () => {
      current = false;
      window.clearInterval(timer);
      window.removeEventListener("focus", onReturn);
      document.removeEventListener("visibilitychange", onReturn);
    };
  }, [login]);

  const session = useMemo<Session>(
    () => ({
      state,
      refresh: () => {
        setState({ kind: "checking" });
        setTurn((count) => count + 1);
      },
      check: () =>
        void sessionStanding().then((standing) => {
          if (standing === "over") setState(expired);
        }),
      over: () => setState(expired),
      onError,
      leave: () => {
        forgetDrafts();
        person.current = "";
        setState({ kind: "signedOut", expired: false });
        setTurn((count) => count + 1);
      },
    }),
    [state, onError],
  );
  return (
    <SessionContext value={session}>
      <Provider value={client}>{children}</Provider>
    </SessionContext>
  );
}

/** What is below asks in another division than one's own, such as the one above both a case and its reader. */
export function Elsewhere({ division, children }: { division: string; children: ReactNode }) {
  const { language } = useSpeech();
  const { onError } = useSession();
  const client = useMemo(() => makeClient(language, onError, division), [language, onError, division]);
  return <Provider value={client}>{children}</Provider>;
}

const expired = (before: SessionState): SessionState =>
  before.kind === "signedOut" ? before : { kind: "signedOut", expired: true };

export function useSession(): Session {
  const session = useContext(SessionContext);
  if (!session) throw new Error("useSession needs a SessionProvider above it");
  return session;
}

/** The person signed in; only for pages below the frame, which shows none of them to a visitor. */
export function useSignedIn(): { me: Me; scenes: SceneSummary[] } {
  const { state } = useSession();
  if (state.kind !== "signedIn") throw new Error("this page needs somebody signed in");
  return state;
}
